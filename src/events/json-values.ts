/*
 * The values of a JSON text as bytes (RFC 8259): where they end. The grammar is checked on the way, so a slice that
 * these functions cut out is valid JSON, exactly when JSON.parse accepts it. Nothing is decoded, nothing is copied.
 */

import { COLON, QUOTE, endOfScalar, endOfString, expect, skipSpace, unexpected } from './json-tokens.ts';

const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;

export type ValueType = 'object' | 'array' | 'string' | 'other';

export function typeAt(json: Uint8Array, at: number): ValueType {
  switch (json[at]) {
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

/**
 * Visits the members of the object at `at`. `visit` gets the key's bytes without their quotes and the offset of the
 * value, and returns the value's end. Returns the end of the object.
 */
export function walkObject(
  json: Uint8Array,
  at: number,
  visit: (keyStart: number, keyEnd: number, valueStart: number) => number,
): number {
  let p = startOfMembers(json, at);
  while (json[p] !== CLOSE_OBJECT) {
    const keyEnd = endOfString(json, p);
    p = startOfNext(json, visit(p + 1, keyEnd - 1, startOfMemberValue(json, keyEnd)), CLOSE_OBJECT);
  }
  return p + 1;
}

/** Visits the elements of the array at `at`; `visit` returns an element's end. Returns the end of the array. */
export function walkArray(json: Uint8Array, at: number, visit: (start: number) => number): number {
  let p = skipSpace(json, expect(json, at, OPEN_ARRAY));
  while (json[p] !== CLOSE_ARRAY) p = startOfNext(json, visit(p), CLOSE_ARRAY);
  return p + 1;
}

/** The first member of the object at `at`; where it has none, its closing brace. */
export function startOfMembers(json: Uint8Array, at: number): number {
  return skipSpace(json, expect(json, at, OPEN_OBJECT));
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

/** Whether each open container is an object, from the outermost on. A list of its own: nesting of any depth is JSON. */
let nesting = new Uint8Array(256);

/** How deep the value that endOfValue went through last is nested; 0 for one that is no object and no array. */
export let depthOfLastValue = 0;

/** The end of the value that begins at `at`, which must not be white space. */
export function endOfValue(json: Uint8Array, at: number): number {
  let p = at;
  let depth = 0;
  let deepest = 0;
  for (;;) {
    const byte = json[p];
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      const isObject = byte === OPEN_OBJECT;
      p = skipSpace(json, p + 1);
      if (depth === deepest) deepest++;
      if (json[p] === (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
        p++;
      } else {
        if (depth === nesting.length) nesting = grown(nesting);
        nesting[depth++] = isObject ? 1 : 0;
        if (isObject) p = startOfMemberValue(json, endOfString(json, p));
        continue;
      }
    } else {
      p = endOfScalar(json, p);
    }
    // A value has ended: close what ends with it, up to the next value.
    for (;;) {
      if (depth === 0) {
        depthOfLastValue = deepest;
        return p;
      }
      const isObject = nesting[depth - 1] === 1;
      const close = isObject ? CLOSE_OBJECT : CLOSE_ARRAY;
      p = startOfNext(json, p, close);
      if (json[p] !== close) {
        if (isObject) p = startOfMemberValue(json, endOfString(json, p));
        break;
      }
      p++;
      depth--;
    }
  }
}

function grown(list: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(list.length * 2);
  larger.set(list);
  return larger;
}
