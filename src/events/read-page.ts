import { AppError, PageError, messageOf } from '../lib/errors.ts';
import { JsonReader } from './json-reader.ts';

const BYTE_ORDER_MARK = Buffer.from('\uFEFF');

/**
 * Reads an answer's body, which must be one JSON value; `read` reads it to its end. Throws PageError for whatever is
 * wrong with the text, with the JsonSyntaxError as its cause.
 */
export function readPage<T>(json: Buffer, read: (reader: JsonReader) => T): T {
  try {
    const hasMark = json.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    const reader = new JsonReader(json, hasMark ? BYTE_ORDER_MARK.length : 0);
    reader.skipSpace();
    const result = read(reader);
    const end = reader.pos;
    reader.skipSpace();
    if (reader.pos !== json.length) throw new PageError(`there is more after its end at byte ${end}`);
    return result;
  } catch (error) {
    throw error instanceof AppError ? error : new PageError(`it is not JSON: ${messageOf(error)}`, error);
  }
}
