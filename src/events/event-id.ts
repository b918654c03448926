import { hash } from 'node:crypto';

const UUID_LENGTH = 36;
const DASH = 0x2d;
const DIGITS = Buffer.from('0123456789abcdef');
/** What each byte is worth as a hexadecimal digit in lower case; -1 where it is none. */
const VALUES = new Int8Array(256).fill(-1);
DIGITS.forEach((digit, value) => (VALUES[digit] = value));

/** One UUID's text on its way to a string or from it. */
const scratch = Buffer.alloc(UUID_LENGTH);

/** What an event is known by: the UUID that it carries, or one made of the hash of what it carries instead. */
export class Identity {
  /** The 128 bits, from the first to the last. Integers of 32 bits with sign: V8 keeps those without a box. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;

  constructor(a: number, b: number, c: number, d: number) {
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
  }

  /** The UUID whose text these bytes are, in lower case as RFC 9562 has it written; undefined when they are none. */
  static at(bytes: Uint8Array, start: number, end: number): Identity | undefined {
    if (end - start !== UUID_LENGTH) return undefined;
    if (bytes[start + 8] !== DASH || bytes[start + 13] !== DASH) return undefined;
    if (bytes[start + 18] !== DASH || bytes[start + 23] !== DASH) return undefined;
    const a1 = fourDigits(bytes, start);
    const a2 = fourDigits(bytes, start + 4);
    const b1 = fourDigits(bytes, start + 9);
    const b2 = fourDigits(bytes, start + 14);
    const c1 = fourDigits(bytes, start + 19);
    const c2 = fourDigits(bytes, start + 24);
    const d1 = fourDigits(bytes, start + 28);
    const d2 = fourDigits(bytes, start + 32);
    if ((a1 | a2 | b1 | b2 | c1 | c2 | d1 | d2) < 0) return undefined;
    return new Identity((a1 << 16) | a2, (b1 << 16) | b2, (c1 << 16) | c2, (d1 << 16) | d2);
  }

  /** For what is no UUID: one of version 8 (RFC 9562, 5.8), made of 122 bits of the SHA-256 of these bytes. */
  static ofHash(bytes: Uint8Array): Identity {
    const digest = hash('sha256', bytes, 'buffer');
    digest[6] = 0x80 | ((digest[6] ?? 0) & 0x0f);
    digest[8] = 0x80 | ((digest[8] ?? 0) & 0x3f);
    return new Identity(digest.readInt32BE(0), digest.readInt32BE(4), digest.readInt32BE(8), digest.readInt32BE(12));
  }

  /** The reverse of toString; for any other text, what an event has that carries it, written as JSON.stringify does. */
  static of(text: string): Identity {
    if (text.length === UUID_LENGTH && scratch.write(text) === UUID_LENGTH) {
      const uuid = Identity.at(scratch, 0, UUID_LENGTH);
      if (uuid !== undefined) return uuid;
    }
    return Identity.ofHash(Buffer.from(JSON.stringify(text)));
  }

  /** The same for each of many texts: where all of them are UUIDs they are looked at as one, in a third of the time. */
  static ofEach(texts: readonly string[]): Identity[] {
    // Only if no character takes more than a byte does each text stand where it is looked for.
    const bytes = Buffer.from(texts.every(({ length }) => length === UUID_LENGTH) ? texts.join('') : '');
    if (bytes.length !== UUID_LENGTH * texts.length) return texts.map((text) => Identity.of(text));
    return texts.map((text, n) => Identity.at(bytes, n * UUID_LENGTH, (n + 1) * UUID_LENGTH) ?? Identity.of(text));
  }

  /** The UUID's text. */
  toString(): string {
    writeDigits(this.a >>> 16, 0);
    writeDigits(this.a, 4);
    writeDigits(this.b >>> 16, 9);
    writeDigits(this.b, 14);
    writeDigits(this.c >>> 16, 19);
    writeDigits(this.c, 24);
    writeDigits(this.d >>> 16, 28);
    writeDigits(this.d, 32);
    scratch[8] = scratch[13] = scratch[18] = scratch[23] = DASH;
    return scratch.toString('latin1');
  }

  toJSON(): string {
    return this.toString();
  }
}

/** The number that four digits make; negative when one of them is none. */
function fourDigits(bytes: Uint8Array, at: number): number {
  const values = VALUES;
  return (
    ((values[bytes[at] ?? 0] ?? -1) << 12) |
    ((values[bytes[at + 1] ?? 0] ?? -1) << 8) |
    ((values[bytes[at + 2] ?? 0] ?? -1) << 4) |
    (values[bytes[at + 3] ?? 0] ?? -1)
  );
}

/** The lower 16 bits, as four digits of the scratch. */
function writeDigits(bits: number, at: number): void {
  scratch[at] = DIGITS[(bits >>> 12) & 15] ?? 0;
  scratch[at + 1] = DIGITS[(bits >>> 8) & 15] ?? 0;
  scratch[at + 2] = DIGITS[(bits >>> 4) & 15] ?? 0;
  scratch[at + 3] = DIGITS[bits & 15] ?? 0;
}
