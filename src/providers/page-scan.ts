import { PageError, messageOf } from '../lib/errors.ts';
import type { EventReader, EventSlice } from '../events/event.ts';
import { endOfValue, typeAt, walkArray } from '../events/json-values.ts';
import { skipSpace } from '../events/json-tokens.ts';

const BYTE_ORDER_MARK = Buffer.from('\uFEFF');

/**
 * Runs `scan` on the body's only value, from its first byte on; it returns that value's end and what it found.
 * Whatever is wrong with the text becomes a PageError.
 */
export function asPage<T>(json: Buffer, scan: (start: number) => { end: number; result: T }): T {
  try {
    const bom = json.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
    const { end, result } = scan(skipSpace(json, bom));
    if (skipSpace(json, end) !== json.length) throw new PageError(`there is more behind its end at byte ${end}`);
    return result;
  } catch (error) {
    throw error instanceof PageError ? error : new PageError(`it is not JSON: ${messageOf(error)}`, error);
  }
}

/** Reads the list of events at `at` and returns its end. Throws PageError when one is not an object. */
export function readEvents(json: Buffer, at: number, reader: EventReader, events: EventSlice[]): number {
  return walkArray(json, at, (start) => {
    expectObject(json, start, events.length);
    const event = reader.read(json, start);
    events.push(event);
    return event.end;
  });
}

/** Throws when the event at `at` is not an object; where it is not even JSON, cut off for one, that is what is said. */
export function expectObject(json: Buffer, at: number, index: number): void {
  if (typeAt(json, at) === 'object') return;
  endOfValue(json, at);
  throw notAnObject(index);
}

export function notAnObject(index: number): PageError {
  return new PageError(`event ${index + 1} of the page is not an object`);
}
