/** Which texts the reader of this project takes for JSON. */

import assert from 'node:assert/strict';
import { JsonReader } from '../../src/events/json-reader.ts';
import { JsonSyntaxError, skipSpace } from '../../src/events/json-tokens.ts';
import { isJson } from './arbitrary-json.ts';

export function endOfValue(bytes: Uint8Array, at: number): number {
  const reader = readerOf(bytes, at);
  reader.skipValue();
  return reader.pos;
}

export function readerOf(bytes: Uint8Array, at = 0): JsonReader {
  return new JsonReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), at);
}

/** Whether the whole text is one JSON value, with white space around it. */
export function accepts(bytes: Uint8Array): boolean {
  return errorIn(bytes) === undefined;
}

export function errorIn(bytes: Uint8Array): JsonSyntaxError | undefined {
  try {
    const end = skipSpace(bytes, endOfValue(bytes, skipSpace(bytes, 0)));
    return end === bytes.length ? undefined : new JsonSyntaxError(bytes, end);
  } catch (error) {
    assert.ok(error instanceof JsonSyntaxError);
    return error;
  }
}

/** JSON.parse decides. */
export function agreesOnTextsUpTo(length: number): void {
  const alphabet = ['{', '}', '[', ']', '"', ',', ':', '\\', '0', '1', '-', '.', 'e', '+', ' ', 'u', '\n', '\u0000'];
  const extend = (text: string): number => {
    const bytes = Buffer.from(text);
    if (accepts(bytes) !== isJson(bytes)) assert.fail(`JSON.parse disagrees on ${JSON.stringify(text)}`);
    const longer = text.length < length ? alphabet : [];
    return longer.reduce((sum, character) => sum + extend(text + character), 1);
  };
  assert.equal(extend(''), (alphabet.length ** (length + 1) - 1) / (alphabet.length - 1));
}
