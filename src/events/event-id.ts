import { hash } from 'node:crypto';

const UUID_LENGTH = 36;
/** How many numbers an id is. */
export const ID_WORDS = 5;
/** With the check: `<uuid>.<8 digits>`. */
export const MAX_ID_LENGTH = 45;
const DASH = 0x2d;
const DOT = 0x2e;
const DIGITS = Buffer.from('0123456789abcdef');
/** The value of each byte as a lower-case hexadecimal digit; -1 where it is not one. */
const VALUES = new Int8Array(256).fill(-1);
DIGITS.forEach((digit, value) => (VALUES[digit] = value));

/** The check of an event whose bytes are not known, such as one in a state file of an older version. */
export const UNKNOWN_CHECK = 0;

/**
 * What an event is known by: its UUID, or one made of a hash, and a 32-bit check of the event's bytes. Nothing says
 * that an API gives each UUID only once, so the same UUID with other bytes is another event.
 */
export class EventId {
  /** The UUID's 128 bits, first to last. Signed 32-bit integers: V8 stores those without a box. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  /** Of the event's bytes (checkOf), signed; UNKNOWN_CHECK matches any bytes. */
  readonly check: number;

  constructor(a: number, b: number, c: number, d: number, check = UNKNOWN_CHECK) {
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
    this.check = check;
  }

  /** The id that `put` wrote here. */
  static in(words: Int32Array, at: number): EventId {
    return new EventId(words[at] ?? 0, words[at + 1] ?? 0, words[at + 2] ?? 0, words[at + 3] ?? 0, words[at + 4]);
  }

  /** Writes its ID_WORDS numbers. */
  put(words: Int32Array, at: number): void {
    words[at] = this.a;
    words[at + 1] = this.b;
    words[at + 2] = this.c;
    words[at + 3] = this.d;
    words[at + 4] = this.check;
  }

  /** The id with this UUID, which must be in lower case as RFC 9562 writes it; undefined when the bytes are not one. */
  static at(bytes: Uint8Array, start: number, end: number, check = UNKNOWN_CHECK): EventId | undefined {
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
    return new EventId((a1 << 16) | a2, (b1 << 16) | b2, (c1 << 16) | c2, (d1 << 16) | d2, check);
  }

  /** For anything that is not a UUID: a UUID of version 8 (RFC 9562, 5.8) with 122 bits of the bytes' SHA-256. */
  static ofHash(bytes: Uint8Array, check = UNKNOWN_CHECK): EventId {
    const digest = hash('sha256', bytes, 'buffer');
    digest[6] = 0x80 | ((digest[6] ?? 0) & 0x0f);
    digest[8] = 0x80 | ((digest[8] ?? 0) & 0x3f);
    return new EventId(
      digest.readInt32BE(0),
      digest.readInt32BE(4),
      digest.readInt32BE(8),
      digest.readInt32BE(12),
      check,
    );
  }

  /** The reverse of toString; for any other text, the id of an event that has this text in the place of a UUID. */
  static of(text: string): EventId {
    const bytes = Buffer.from(text);
    return EventId.parse(bytes, 0, bytes.length) ?? EventId.ofHash(Buffer.from(JSON.stringify(text)));
  }

  /** The same for many texts, in a third of the time. */
  static ofEach(texts: readonly string[]): EventId[] {
    const bytes = Buffer.from(texts.join(''));
    // Only where each character is one byte does each text have as many bytes as characters.
    if (bytes.length !== texts.reduce((sum, { length }) => sum + length, 0))
      return texts.map((text) => EventId.of(text));
    let end = 0;
    return texts.map((text) => {
      const start = end;
      end += text.length;
      return EventId.parse(bytes, start, end) ?? EventId.of(text);
    });
  }

  /** The id that this text writes, as `toString` does; undefined for any other text. */
  static parse(bytes: Uint8Array, start: number, end: number): EventId | undefined {
    if (end - start === UUID_LENGTH) return EventId.at(bytes, start, end);
    if (end - start !== MAX_ID_LENGTH || bytes[start + UUID_LENGTH] !== DOT) return undefined;
    const upper = fourDigits(bytes, end - 8);
    const lower = fourDigits(bytes, end - 4);
    if ((upper | lower) < 0) return undefined;
    return EventId.at(bytes, start, start + UUID_LENGTH, (upper << 16) | lower);
  }

  /** `<uuid>`, or `<uuid>.<8 hexadecimal digits>` with the check. */
  toString(): string {
    const text = Buffer.allocUnsafe(MAX_ID_LENGTH);
    return text.toString('latin1', 0, writeId(text, 0, this.a, this.b, this.c, this.d, this.check));
  }

  /** Without the check. */
  get uuid(): string {
    return this.toString().slice(0, UUID_LENGTH);
  }

  toJSON(): string {
    return this.toString();
  }
}

/** The number that four digits make; negative when one of them is not a digit. */
function fourDigits(bytes: Uint8Array, at: number): number {
  const values = VALUES;
  return (
    ((values[bytes[at] ?? 0] ?? -1) << 12) |
    ((values[bytes[at + 1] ?? 0] ?? -1) << 8) |
    ((values[bytes[at + 2] ?? 0] ?? -1) << 4) |
    (values[bytes[at + 3] ?? 0] ?? -1)
  );
}

/** Writes the id with these numbers as `toString` does and returns its end. */
export function writeId(text: Uint8Array, at: number, a = 0, b = 0, c = 0, d = 0, check = UNKNOWN_CHECK): number {
  writeDigits(text, a >>> 16, at);
  writeDigits(text, a, at + 4);
  writeDigits(text, b >>> 16, at + 9);
  writeDigits(text, b, at + 14);
  writeDigits(text, c >>> 16, at + 19);
  writeDigits(text, c, at + 24);
  writeDigits(text, d >>> 16, at + 28);
  writeDigits(text, d, at + 32);
  text[at + 8] = text[at + 13] = text[at + 18] = text[at + 23] = DASH;
  if (check === UNKNOWN_CHECK) return at + UUID_LENGTH;
  text[at + UUID_LENGTH] = DOT;
  writeDigits(text, check >>> 16, at + 37);
  writeDigits(text, check, at + 41);
  return at + MAX_ID_LENGTH;
}

/** Writes the lower 16 bits as four digits. */
function writeDigits(text: Uint8Array, bits: number, at: number): void {
  text[at] = DIGITS[(bits >>> 12) & 15] ?? 0;
  text[at + 1] = DIGITS[(bits >>> 8) & 15] ?? 0;
  text[at + 2] = DIGITS[(bits >>> 4) & 15] ?? 0;
  text[at + 3] = DIGITS[bits & 15] ?? 0;
}
