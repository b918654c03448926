import {
  CLOSE_OBJECT,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  endOfLiteral,
  endOfPlain,
  endOfString,
  skipSpace,
  startOfMemberValue,
  unexpected,
} from './json-tokens.ts';
import { NOTHING, beginMember, type WantedMember } from './wanted-fields.ts';

/** What is added to an opening bracket to get the one that closes it. */
const TO_CLOSE = 2;

/** A place in a JSON text. */
export interface Cursor {
  readonly json: Buffer;
  /** The same bytes, to be read by fours. */
  readonly words: DataView;
  /** The first byte not read yet. Before a value is read, that value's first byte. */
  pos: number;
  /** How deep the last value read is nested: 0 for a scalar, 1 for an object or array that holds no other. */
  depth: number;
  /** What closes each open container, from the outermost on. JSON may be nested to any depth. */
  nesting: Uint8Array;
}

/**
 * Goes to the end of the value at the cursor, and notes on the way where the wanted fields of it are. Throws
 * JsonSyntaxError.
 *
 * Most of the time for a page is spent in here, so it is one loop: with a function for each object, a page takes a tenth
 * more. `| 0` tells V8 that a position is an integer, whatever a function returned.
 */
export function skipValue(cursor: Cursor, wanted = NOTHING): void {
  const { json, words } = cursor;
  let { pos: p, nesting } = cursor;
  let depth = 0;
  let deepest = 0;
  let isKey = false;
  /** The innermost wanted object around `p`, and its wanted member whose value is at or around `p`. */
  let object = wanted;
  let member: WantedMember | undefined;
  for (;;) {
    const byte = json[p];
    if (byte === QUOTE) {
      const start = p + 1;
      p = endOfPlain(json, words, start);
      const isPlain = json[p] === QUOTE;
      if (!isPlain) p = (endOfString(json, words, start - 1) - 1) | 0;
      const end = p++;
      if (isKey) {
        p = startOfMemberValue(json, p);
        if (object.level === depth) member = beginMember(object, json, start, end, isPlain, p);
        isKey = false;
        continue;
      }
    } else if (isKey) {
      unexpected(json, p);
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      p = skipSpace(json, p + 1);
      if (depth === deepest) deepest++;
      if (json[p] !== byte + TO_CLOSE) {
        if (depth === nesting.length) nesting = cursor.nesting = twice(nesting);
        nesting[depth++] = byte + TO_CLOSE;
        isKey = byte === OPEN_OBJECT;
        const inner = member === undefined ? NOTHING : member.inner;
        if (isKey && inner.level === depth) object = inner;
        continue;
      }
      p++;
    } else {
      p = endOfLiteral(json, p) | 0;
    }
    // A value has ended: close what ends with it, up to the next value.
    for (;;) {
      if (member !== undefined && object.level === depth) {
        member.field.end = p;
        member = undefined;
      }
      if (depth === 0) {
        cursor.pos = p;
        cursor.depth = deepest;
        return;
      }
      const close = nesting[depth - 1];
      p = skipSpace(json, p);
      const next = json[p];
      p++;
      if (next === COMMA) {
        p = skipSpace(json, p);
        isKey = close === CLOSE_OBJECT;
        break;
      }
      if (next !== close) unexpected(json, p - 1);
      depth--;
      if (depth < object.level) ({ member, outer: object = NOTHING } = object);
    }
  }
}

function twice(nesting: Uint8Array): Uint8Array {
  const larger = new Uint8Array(2 * nesting.length);
  larger.set(nesting);
  return larger;
}
