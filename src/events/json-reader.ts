import { PageError } from '../lib/errors.ts';
import { COLON, QUOTE, endOfLiteral, endOfPlain, endOfString, expect, skipSpace, unexpected } from './json-tokens.ts';

export const COMMA = 0x2c;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
/** V8 keeps so small an array on its own heap: a reader for one event alone takes 170 ns, and with 256 bytes 600. */
const FIRST_NESTING = 64;
/** From what opens a container to what closes it. */
const TO_CLOSE = 2;

type ValueType = 'object' | 'array' | 'string' | 'other';

/**
 * Goes through a JSON text as bytes (RFC 8259), from one value to the next. The grammar is checked on the way: what it
 * skipped is valid JSON exactly when JSON.parse accepts it. Nothing is decoded unless asked for, nothing is copied.
 * All methods throw JsonSyntaxError.
 *
 *     for (let more = reader.enterObject(); more; more = reader.nextMember()) {
 *       if (reader.key() === 'total') … else reader.skipValue();
 *     }
 */
export class JsonReader {
  readonly json: Buffer;
  /** The first byte not read yet. Before a value is read, that value's first byte. */
  pos: number;
  /** How deep the last value read is nested: 0 for a scalar, 1 for an object or array that holds no other. */
  depth = 0;
  /** The same bytes, to be read by fours. */
  readonly words: DataView;
  #keyStart = 0;
  #keyEnd = 0;
  /** It has no escapes. */
  #isPlainKey = true;
  /** What closes each open container, from the outermost on. JSON may be nested to any depth. */
  #nesting = new Uint8Array(FIRST_NESTING);

  constructor(json: Buffer, pos = 0) {
    this.json = json;
    this.pos = pos;
    this.words = new DataView(json.buffer, json.byteOffset, json.length);
  }

  /** The type of the value at the position; `other` also if there is none. */
  type(): ValueType {
    switch (this.json[this.pos]) {
      case OPEN_OBJECT:
        return 'object';
      case OPEN_ARRAY:
        return 'array';
      case QUOTE:
        return 'string';
      default:
        return 'other';
    }
  }

  skipSpace(): void {
    if (this.pos < this.json.length) this.pos = skipSpace(this.json, this.pos);
  }

  /** Goes to the first member's value of the object here. False when it is empty: it is read then. */
  enterObject(): boolean {
    this.pos = skipSpace(this.json, expect(this.json, this.pos, OPEN_OBJECT));
    return this.#goToValue();
  }

  /** Goes from the end of a member's value to the next member's. False at the object's end: it is read then. */
  nextMember(): boolean {
    this.pos = startOfNext(this.json, this.pos, CLOSE_OBJECT);
    return this.#goToValue();
  }

  /** Goes to the first element of the array here. False when it is empty: it is read then. */
  enterArray(): boolean {
    this.pos = skipSpace(this.json, expect(this.json, this.pos, OPEN_ARRAY));
    return this.#isElement();
  }

  /** Goes from the end of an element to the next one. False at the array's end: it is read then. */
  nextElement(): boolean {
    this.pos = startOfNext(this.json, this.pos, CLOSE_ARRAY);
    return this.#isElement();
  }

  /** The key of the current member. */
  key(): string {
    return JSON.parse(this.json.toString('utf8', this.#keyStart - 1, this.#keyEnd + 1)) as string;
  }

  /** Which of these names the key of the current member is; -1 for none. */
  keyAmong(names: readonly Uint8Array[]): number {
    const json = this.json;
    const start = this.#keyStart;
    const end = this.#keyEnd;
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (name?.length === end - start && isAt(json, start, name)) return i;
    }
    if (this.#isPlainKey) return -1;
    const key = Buffer.from(this.key());
    return names.findIndex((name) => key.equals(name));
  }

  /** Reads the value here and returns its JSON text. */
  text(): string {
    const start = this.pos;
    this.skipValue();
    return this.json.toString('utf8', start, this.pos);
  }

  /** Reads the value here: the text of a string, undefined for any other type. */
  string(): string | undefined {
    const isString = this.type() === 'string';
    const text = this.text();
    return isString ? (JSON.parse(text) as string) : undefined;
  }

  /** Goes to the end of the value here. */
  skipValue(): void {
    const json = this.json;
    const words = this.words;
    let p = this.pos;
    let depth = 0;
    let deepest = 0;
    let isKey = false;
    for (;;) {
      const byte = json[p];
      if (isKey || byte === QUOTE) {
        p = endOfString(json, words, p);
        if (isKey) {
          p = startOfMemberValue(json, p);
          isKey = false;
          continue;
        }
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        p = skipSpace(json, p + 1);
        if (depth === deepest) deepest++;
        if (json[p] !== byte + TO_CLOSE) {
          this.#nestingFor(depth)[depth++] = byte + TO_CLOSE;
          isKey = byte === OPEN_OBJECT;
          continue;
        }
        p++;
      } else {
        p = endOfLiteral(json, p);
      }
      // A value has ended: close what ends with it, up to the next value.
      for (;;) {
        if (depth === 0) {
          this.pos = p;
          this.depth = deepest;
          return;
        }
        const close = this.#nesting[depth - 1] ?? 0;
        p = startOfNext(json, p, close);
        if (json[p] !== close) {
          isKey = close === CLOSE_OBJECT;
          break;
        }
        p++;
        depth--;
      }
    }
  }

  /** Throws PageError with this message, but JsonSyntaxError when the value here is not even JSON. */
  refuse(message: string): never {
    this.skipValue();
    throw new PageError(message);
  }

  #goToValue(): boolean {
    const json = this.json;
    const p = this.pos;
    if (json[p] === CLOSE_OBJECT) {
      this.pos = p + 1;
      return false;
    }
    const start = expect(json, p, QUOTE);
    const end = endOfPlain(json, this.words, start);
    this.#isPlainKey = json[end] === QUOTE;
    this.#keyStart = start;
    this.#keyEnd = this.#isPlainKey ? end : endOfString(json, this.words, p) - 1;
    this.pos = startOfMemberValue(json, this.#keyEnd + 1);
    return true;
  }

  #isElement(): boolean {
    if (this.json[this.pos] !== CLOSE_ARRAY) return true;
    this.pos++;
    return false;
  }

  #nestingFor(depth: number): Uint8Array {
    const nesting = this.#nesting;
    if (depth < nesting.length) return nesting;
    const larger = new Uint8Array(depth * 2);
    larger.set(nesting);
    return (this.#nesting = larger);
  }
}

/** What follows the member or element that ends at `at`: the next one, or the bracket that closes them all. */
function startOfNext(json: Uint8Array, at: number, close: number): number {
  const p = skipSpace(json, at);
  if (json[p] === close) return p;
  const next = skipSpace(json, expect(json, p, COMMA));
  return json[next] === close ? unexpected(json, next) : next;
}

/** The value of the member whose key ends at `keyEnd`. */
function startOfMemberValue(json: Uint8Array, keyEnd: number): number {
  return skipSpace(json, expect(json, skipSpace(json, keyEnd), COLON));
}

function isAt(json: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (json[at + i] !== name[i]) return false;
  return true;
}
