/** Pseudo-random numbers that are the same everywhere for the same seed. */

export interface Random {
  /** 0 (inclusive) to 1 (exclusive). */
  next(): number;
  /** 0 to below - 1. */
  int(below: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
  hex(digits: number): string;
  /** The last 12 digits can be given, to make it unique for certain. */
  uuid(node?: string): string;
}

/** A 32-bit number out of texts and numbers; another one for any other input, as far as 32 bits go. */
export function hash(...parts: readonly (string | number)[]): number {
  let state = 0x811c9dc5;
  for (const part of parts) {
    if (typeof part === 'number') {
      state = scramble(state ^ (part >>> 0));
      continue;
    }
    for (let i = 0; i < part.length; i++) state = Math.imul(state ^ part.charCodeAt(i), 0x01000193);
    state = scramble(state);
  }
  return state >>> 0;
}

/** The finalizer of MurmurHash3. */
function scramble(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed | 0;
  const next32 = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const next = (): number => next32() / 2 ** 32;
  const int = (below: number): number => Math.floor(next() * below);
  const hex = (digits: number): string => {
    let text = '';
    while (text.length < digits) text += next32().toString(16).padStart(8, '0');
    return text.slice(0, digits);
  };
  return {
    next,
    int,
    hex,
    pick: (list) => list[int(list.length)] ?? list[0],
    uuid(node = hex(12)) {
      const h = hex(20);
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-a${h.slice(17, 20)}-${node}`;
    },
  };
}
