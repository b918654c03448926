import { PageError } from '../lib/errors.ts';
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  endOfPlain,
  endOfString,
  expect,
  skipSpace,
  startOfMemberValue,
  startOfNext,
} from './json-tokens.ts';
import { skipValue, type Cursor } from './skip-value.ts';
import { forget, indexOfKey, type WantedObject } from './wanted-fields.ts';

/** V8 keeps so small an array on its own heap: a reader for one event alone takes 170 ns, and with 256 bytes 600. */
const FIRST_NESTING = 64;

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
export class JsonReader implements Cursor {
  readonly json: Buffer;
  pos: number;
  depth = 0;
  readonly words: DataView;
  nesting = new Uint8Array(FIRST_NESTING);
  #keyStart = 0;
  #keyEnd = 0;
  /** It has no escapes. */
  #isPlainKey = true;

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
    // Once bytes behind the end were read, V8 checks each later offset as a floating-point number: a tenth of a scan.
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
    return indexOfKey(names, this.json, this.#keyStart, this.#keyEnd, this.#isPlainKey);
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
    skipValue(this);
  }

  /** Goes to the end of the object here, and notes where its wanted fields are. */
  skipObject(wanted: WantedObject): void {
    expect(this.json, this.pos, OPEN_OBJECT);
    forget(wanted);
    skipValue(this, wanted);
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
}
