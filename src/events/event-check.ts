import { UNKNOWN_CHECK } from './event-id.ts';

/**
 * A 32-bit check of an event's bytes, never UNKNOWN_CHECK: XXH32 (seed 0; github.com/Cyan4973/xxHash). `words` are the
 * page's bytes. Its four sums are independent, so that the processor can work on all of them at once. Its primes are
 * literals: V8 loads a constant of the built file from memory, and converts it, each time (3 times the CPU).
 */
export function checkOf(words: DataView, start: number, end: number): number {
  let p = start;
  let hash = 0x165667b1;
  if (end - start >= 16) {
    let a = 0x24234428;
    let b = 0x85ebca77 | 0;
    let c = 0;
    let d = 0x61c8864f;
    for (; p <= end - 16; p += 16) {
      a = added(a, words.getInt32(p, true));
      b = added(b, words.getInt32(p + 4, true));
      c = added(c, words.getInt32(p + 8, true));
      d = added(d, words.getInt32(p + 12, true));
    }
    hash = ((a << 1) | (a >>> 31)) + ((b << 7) | (b >>> 25)) + ((c << 12) | (c >>> 20)) + ((d << 18) | (d >>> 14));
  }
  hash = (hash + (end - start)) | 0;
  for (; p <= end - 4; p += 4) {
    hash = (hash + Math.imul(words.getInt32(p, true), 0xc2b2ae3d)) | 0;
    hash = Math.imul((hash << 17) | (hash >>> 15), 0x27d4eb2f);
  }
  for (; p < end; p++) {
    hash = (hash + Math.imul(words.getUint8(p), 0x165667b1)) | 0;
    hash = Math.imul((hash << 11) | (hash >>> 21), 0x9e3779b1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae3d);
  return hash ^ (hash >>> 16) || UNKNOWN_CHECK + 1;
}

function added(sum: number, word: number): number {
  const bits = (sum + Math.imul(word, 0x85ebca77)) | 0;
  return Math.imul((bits << 13) | (bits >>> 19), 0x9e3779b1);
}
