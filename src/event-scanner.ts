import { depthOfLastValue, endOfValue, typeAt, walkObject } from './json-text.ts';

/** Keys from the outside in, such as ['meta', 'time']. */
export type FieldPath = readonly string[];

/** Where a value stands in a page: its first byte and the byte behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds the end of an object and, on the way, some of its fields: one pass over its bytes. Of two equal keys the last
 * counts, as for JSON.parse. A key may be written with escapes.
 */
export class FieldScanner {
  readonly #root: Branch;
  readonly #spans: Int32Array;
  #json: Uint8Array = new Uint8Array(0);
  /** How deep the object scanned last is nested: 1 when it holds no other. */
  depth = 0;

  constructor(paths: readonly FieldPath[]) {
    this.#spans = new Int32Array(paths.length * 2);
    this.#root = this.#branch(
      paths.map((path, slot) => ({ path, slot })),
      1,
    );
  }

  /** The end of the object at `at`. The fields stay known until the next scan. */
  scan(json: Uint8Array, at: number): number {
    this.#json = json;
    this.#spans.fill(-1);
    this.depth = 1;
    return walkObject(json, at, this.#root.visit);
  }

  /** Where the path with this index stands in the object scanned last, if it is there. */
  field(index: number): Span | undefined {
    const start = this.#spans[index * 2] ?? -1;
    return start < 0 ? undefined : { start, end: this.#spans[index * 2 + 1] ?? start };
  }

  #branch(wanted: readonly { path: FieldPath; slot: number }[], level: number): Branch {
    const keys = [...new Set(wanted.map(({ path }) => path[0] ?? ''))].map((key) => {
      const same = wanted.filter(({ path }) => path[0] === key);
      const deeper = same
        .filter(({ path }) => path.length > 1)
        .map(({ path, slot }) => ({ path: path.slice(1), slot }));
      return {
        bytes: Buffer.from(key),
        slot: same.find(({ path }) => path.length === 1)?.slot,
        slotsBelow: deeper.map(({ slot }) => slot),
        branch: deeper.length === 0 ? undefined : this.#branch(deeper, level + 1),
      };
    });
    const names = keys.map(({ bytes }) => bytes);
    const visit = (keyStart: number, keyEnd: number, valueStart: number): number => {
      const json = this.#json;
      const key = keys[indexOfKey(json, keyStart, keyEnd, names)];
      if (key !== undefined) for (const slot of key.slotsBelow) this.#spans[slot * 2] = -1;
      const branch = typeAt(json, valueStart) === 'object' ? key?.branch : undefined;
      const end = branch === undefined ? endOfValue(json, valueStart) : walkObject(json, valueStart, branch.visit);
      this.depth = Math.max(this.depth, level + (branch === undefined ? depthOfLastValue : 1));
      if (key?.slot !== undefined) {
        this.#spans[key.slot * 2] = valueStart;
        this.#spans[key.slot * 2 + 1] = end;
      }
      return end;
    };
    return { visit };
  }
}

interface Branch {
  readonly visit: (keyStart: number, keyEnd: number, valueStart: number) => number;
}

const BACKSLASH = 0x5c;

/** Which of `names` the key is, or -1. */
export function indexOfKey(json: Uint8Array, start: number, end: number, names: readonly Uint8Array[]): number {
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (name?.length === end - start && isAt(json, start, name)) return i;
  }
  for (let p = start; p < end; p++) {
    if (json[p] !== BACKSLASH) continue;
    const key = Buffer.from(stringAt(json, { start: start - 1, end: end + 1 }) ?? '');
    return names.findIndex((name) => key.equals(name));
  }
  return -1;
}

function isAt(json: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (json[at + i] !== name[i]) return false;
  return true;
}

/** The text of the string that the span holds, or undefined when it holds another type. */
export function stringAt(json: Uint8Array, { start, end }: Span): string | undefined {
  if (typeAt(json, start) !== 'string') return undefined;
  return JSON.parse(textAt(json, { start, end })) as string;
}

/** The bytes of the span as they stand, decoded. */
export function textAt(json: Uint8Array, { start, end }: Span): string {
  return Buffer.from(json.buffer, json.byteOffset + start, end - start).toString();
}
