import { UNKNOWN_CHECK } from './event-id.ts';

const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/**
 * A 32-bit check of an event's bytes, never UNKNOWN_CHECK: XXH32 (seed 0; github.com/Cyan4973/xxHash). `words` are the
 * page's bytes. Its four sums are independent, so the processor adds to all of them at once.
 */
export function checkOf(words: DataView, start: number, end: number): number {
  let p = start;
  let hash = PRIME_5;
  if (end - start >= 16) {
    let a = (PRIME_1 + PRIME_2) | 0;
    let b = PRIME_2 | 0;
    let c = 0;
    let d = -PRIME_1 | 0;
    for (; p <= end - 16; p += 16) {
      a = added(a, words.getInt32(p, true));
      b = added(b, words.getInt32(p + 4, true));
      c = added(c, words.getInt32(p + 8, true));
      d = added(d, words.getInt32(p + 12, true));
    }
    hash = (rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18)) | 0;
  }
  hash = (hash + end - start) | 0;
  for (; p <= end - 4; p += 4) {
    hash = Math.imul(rotated((hash + Math.imul(words.getInt32(p, true), PRIME_3)) | 0, 17), PRIME_4);
  }
  for (; p < end; p++) hash = Math.imul(rotated((hash + Math.imul(words.getUint8(p), PRIME_5)) | 0, 11), PRIME_1);
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return hash ^ (hash >>> 16) || UNKNOWN_CHECK + 1;
}

function added(sum: number, word: number): number {
  return Math.imul(rotated((sum + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1);
}

function rotated(bits: number, by: number): number {
  return (bits << by) | (bits >>> (32 - by));
}
