/*
 * The tokens of a JSON text as bytes (RFC 8259): where strings, numbers and words end. Errors are found on the way.
 * Nothing is decoded, nothing is copied.
 */

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;
export const QUOTE = 0x22;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
export const COMMA = 0x2c;
const COLON = 0x3a;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const BACKSLASH = 0x5c;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_T = 0x74;
const LOWER_U = 0x75;

/** What may follow a backslash in a string, besides `u` and four hexadecimal digits. */
const ESCAPED = flags('"\\/bfnrt');
const HEX = flags('0123456789abcdefABCDEF');
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

/** A text that is not JSON. `offset` is the first byte that does not fit; at the end of the text, it was cut off. */
export class JsonSyntaxError extends Error {
  readonly offset: number;
  readonly cutOff: boolean;

  constructor(json: Uint8Array, offset: number) {
    const cutOff = offset >= json.length;
    super(cutOff ? `it ends after ${json.length} bytes, in the middle of a value` : `unexpected byte at ${offset}`);
    this.name = 'JsonSyntaxError';
    this.offset = offset;
    this.cutOff = cutOff;
  }
}

/**
 * The first offset from `at` on that is not white space. Small enough to be inlined: mostly there is none. `| 0` as in
 * skipValue.
 */
export function skipSpace(json: Uint8Array, at: number): number {
  return (json[at] ?? 0) > SPACE ? at : endOfSpace(json, at) | 0;
}

function endOfSpace(json: Uint8Array, at: number): number {
  let p = at;
  for (;;) {
    const byte = json[p];
    if (byte !== SPACE && byte !== LF && byte !== CR && byte !== TAB) return p;
    p++;
  }
}

/** The end of the string at `at`, after its closing quote. */
export function endOfString(json: Uint8Array, words: DataView, at: number): number {
  let p = endOfPlain(json, words, expect(json, at, QUOTE));
  while (json[p] !== QUOTE) {
    if (json[p] !== BACKSLASH) unexpected(json, p);
    p = endOfPlain(json, words, endOfEscape(json, p));
  }
  return p + 1;
}

/** The first byte of a string from `at` on that is not plain. Most bytes are in strings, so they are read by fours. */
export function endOfPlain(json: Uint8Array, words: DataView, at: number): number {
  const lastWord = json.length - 4;
  let p = at;
  for (; p <= lastWord; p += 4) {
    const found = bytesNotPlain(words.getInt32(p, true));
    if (found !== 0) return p + ((31 - Math.clz32(found & -found)) >> 3);
  }
  while (isPlain(json[p])) p++;
  return p;
}

/** Whether a byte of a string stands for itself: not its end, an escape or a control character. */
function isPlain(byte: number | undefined): boolean {
  return byte !== undefined && byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH;
}

/**
 * The same for four bytes at once: 0 when all of them do. Otherwise the lowest bit set belongs to the lowest byte that
 * does not; higher bits mean nothing, since a subtraction may have borrowed from them (Hacker's Delight, 6-1).
 */
function bytesNotPlain(word: number): number {
  // Below 0x21 once its second bit is turned: a quote (0x22) or a control character.
  const quoteOrControl = (word ^ 0x02020202) - 0x21212121;
  const backslash = (word ^ 0x5c5c5c5c) - 0x01010101; // only 0 becomes negative
  return (quoteOrControl | backslash) & ~word & 0x80808080;
}

function endOfEscape(json: Uint8Array, at: number): number {
  const kind = json[at + 1];
  if (kind === LOWER_U) {
    for (let p = at + 2; p < at + 6; p++) if (HEX[json[p] ?? 0] !== 1) throw new JsonSyntaxError(json, p);
    return at + 6;
  }
  if (ESCAPED[kind ?? 0] !== 1) throw new JsonSyntaxError(json, at + 1);
  return at + 2;
}

/** The end of the value at `at` that is not a string, an object or an array: a number, true, false or null. */
export function endOfLiteral(json: Uint8Array, at: number): number {
  switch (json[at]) {
    case LOWER_T:
      return endOfWord(json, at, TRUE);
    case LOWER_F:
      return endOfWord(json, at, FALSE);
    case LOWER_N:
      return endOfWord(json, at, NULL);
    default:
      return endOfNumber(json, at);
  }
}

function endOfWord(json: Uint8Array, at: number, word: Uint8Array): number {
  for (let i = 0; i < word.length; i++) if (json[at + i] !== word[i]) throw new JsonSyntaxError(json, at + i);
  return at + word.length;
}

function endOfNumber(json: Uint8Array, at: number): number {
  let p = json[at] === MINUS ? at + 1 : at;
  p = json[p] === ZERO ? p + 1 : endOfDigits(json, p);
  if (json[p] === DOT) p = endOfDigits(json, p + 1);
  const byte = json[p];
  if (byte === LOWER_E || byte === 0x45 /* E */) {
    const sign = json[p + 1];
    p = endOfDigits(json, sign === MINUS || sign === 0x2b /* + */ ? p + 2 : p + 1);
  }
  return p;
}

/** At least one digit. */
function endOfDigits(json: Uint8Array, at: number): number {
  let p = at;
  while (isDigit(json[p])) p++;
  if (p === at) throw new JsonSyntaxError(json, p);
  return p;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** What follows the member or element that ends at `at`: the next one, or the bracket that closes them all. */
export function startOfNext(json: Uint8Array, at: number, close: number): number {
  const p = skipSpace(json, at);
  if (json[p] === close) return p;
  const next = skipSpace(json, expect(json, p, COMMA));
  return json[next] === close ? unexpected(json, next) : next;
}

/** The value of the member whose key ends at `keyEnd`. */
export function startOfMemberValue(json: Uint8Array, keyEnd: number): number {
  return skipSpace(json, expect(json, skipSpace(json, keyEnd), COLON));
}

/** The offset after `byte`, which must be at `at`. */
export function expect(json: Uint8Array, at: number, byte: number): number {
  if (json[at] !== byte) unexpected(json, at);
  return at + 1;
}

export function unexpected(json: Uint8Array, at: number): never {
  throw new JsonSyntaxError(json, Math.min(at, json.length));
}

function flags(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(characters)) table[byte] = 1;
  return table;
}
