import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkOf } from '../../src/events/event-check.ts';
import { UNKNOWN_CHECK } from '../../src/events/event-id.ts';
import '../helpers/properties.ts';

function check(bytes: Uint8Array, at = 0): number {
  const page = Buffer.concat([Buffer.alloc(at, 'x'), bytes, Buffer.from('x')]);
  return checkOf(new DataView(page.buffer, page.byteOffset, page.length), at, at + bytes.length);
}

describe("the check of an event's bytes", () => {
  it('is a 32-bit number, the same wherever the bytes are, and never the one of an unknown event', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(9), (bytes, at) => {
        assert.equal(check(bytes, at), check(bytes) | 0);
        assert.notEqual(check(bytes), UNKNOWN_CHECK);
      }),
    );
  });

  it('changes with each bit, with each two bits, and with the length', () => {
    const bytes = Buffer.from('{"@uuid":"a","n":1}');
    const checks = new Set([check(bytes)]);
    const bits = 8 * bytes.length;
    const flip = (bit: number): void => void (bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
    for (let one = 0; one < bits; one++) {
      for (let other = one; other < bits; other++) {
        flip(one);
        if (other !== one) flip(other);
        checks.add(check(bytes));
        flip(one);
        if (other !== one) flip(other);
      }
    }
    for (let zeros = 0; zeros < 100; zeros++) checks.add(check(Buffer.alloc(zeros)));
    assert.equal(checks.size, 1 + (bits * (bits + 1)) / 2 + 100);
  });

  it('is not 0 where the hash is', () => {
    assert.equal(check(Buffer.from('27114b23', 'hex')), 1);
  });

  // Ids of one version must be known to the next. The values are those that others give for XXH32.
  for (const [text, expected] of [
    ['', '02cc5d05'],
    ['a', '550d7456'],
    ['hello', 'fb0077f9'],
    ['0123456789abcde', '1dbdfa0f'],
    ['0123456789abcdef', 'c2c45b69'],
    ['0123456789abcdef01234567', 'c6fdfae8'],
    ['0123456789abcdef0123456789abcdef', 'eb888d30'],
    ['The quick brown fox jumps over the lazy dog', 'e85ea4de'],
  ] as const) {
    it(`of "${text}" is ${expected}`, () => {
      assert.equal((check(Buffer.from(text)) >>> 0).toString(16).padStart(8, '0'), expected);
    });
  }
});
