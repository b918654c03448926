import { PageError } from '../lib/errors.ts';
import type { ReusableMemory } from '../lib/reusable-memory.ts';
import { endOfBrokenElement } from './broken-element.ts';
import { checkOf } from './event-check.ts';
import { EventId } from './event-id.ts';
import { timeAt } from './event-time.ts';
import type { JsonReader } from './json-reader.ts';
import { CLOSE_ARRAY, JsonSyntaxError, QUOTE } from './json-tokens.ts';
import { want, wantedObject, type FieldPath, type FoundField, type Span } from './wanted-fields.ts';

/** An event: a slice of the page that it came in, never parsed and written again. */
export interface EventSlice {
  readonly json: Buffer;
  readonly start: number;
  readonly end: number;
  /** Undefined where the source has no ids; such an event is never taken for known. */
  readonly id: EventId | undefined;
  /** How deep it is nested: 1 when it holds no other object or array. */
  readonly depth: number;
  /** When it happened, in epoch milliseconds; undefined when it does not say. */
  readonly time: number | undefined;
}

/** Where a provider's events carry their id and time. */
interface EventLayout {
  /** Undefined: events have no id at all. */
  readonly id: FieldPath | undefined;
  readonly time: FieldPath;
}

const LF = 0x0a;
const CR = 0x0d;

/** Cuts events out of a page. */
export class EventReader {
  readonly #wanted = wantedObject();
  readonly #id: FoundField | undefined;
  readonly #time: FoundField;

  constructor({ id, time }: EventLayout) {
    this.#id = id === undefined ? undefined : want(this.#wanted, id);
    this.#time = want(this.#wanted, time);
  }

  /** Reads the event at the reader's position, an object. Throws JsonSyntaxError. */
  read(reader: JsonReader): EventSlice {
    const { json, pos: start } = reader;
    reader.skipObject(this.#wanted);
    const { pos: end, depth } = reader;
    const id = this.#id;
    const time = this.#time;
    return {
      json,
      start,
      end,
      depth,
      id: id === undefined ? undefined : idOf(reader, start, end, id),
      time: time.start < 0 ? undefined : timeAt(json, time),
    };
  }

  /**
   * Reads the list of events at the reader's position. What is not an object goes to `rejected`; without that, it is a
   * PageError.
   */
  readList(reader: JsonReader, rejected?: Rejected): EventSlice[] {
    return readElements(reader, () => (reader.type() === 'object' ? this.read(reader) : skipped(reader)), rejected);
  }
}

/** What came in the place of events. */
export interface Rejected {
  readonly slices: EventSlice[];
  /** Where the next event begins cannot be told: all up to the end of the last list in the text is one of them. */
  readonly takesRest?: boolean;
}

function skipped(reader: JsonReader): undefined {
  reader.skipValue();
}

/**
 * Reads an array's events with `read`, which returns undefined for something else. That goes to `rejected`, and so does
 * an element that is not JSON; without `rejected`, they are a PageError and a JsonSyntaxError.
 */
export function readElements(
  reader: JsonReader,
  read: () => EventSlice | undefined,
  rejected?: Rejected,
): EventSlice[] {
  const events: EventSlice[] = [];
  let start = reader.pos;
  try {
    for (let more = reader.enterArray(); more; more = reader.nextElement()) {
      start = reader.pos;
      const event = rejected === undefined ? read() : readOrSkip(reader, read);
      if (event !== undefined) events.push(event);
      else if (rejected === undefined) throw new PageError(`event ${events.length + 1} of the page is not an object`);
      else rejected.slices.push(rejectedSlice(reader.json, start, reader.pos));
      start = reader.pos;
    }
  } catch (error) {
    const end = reader.json.lastIndexOf(CLOSE_ARRAY);
    if (rejected?.takesRest !== true || !isBroken(error) || end <= start) throw error;
    rejected.slices.push(rejectedSlice(reader.json, start, end));
    reader.pos = end + 1;
  }
  return events;
}

function readOrSkip(reader: JsonReader, read: () => EventSlice | undefined): EventSlice | undefined {
  const { json, pos: start } = reader;
  try {
    return read();
  } catch (error) {
    const end = isBroken(error) ? endOfBrokenElement(json, start) : undefined;
    if (end === undefined) throw error;
    reader.pos = end;
    return undefined;
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof JsonSyntaxError && !error.cutOff;
}

/** Bytes in the place of an event that are not one. They are known by a hash. */
export function rejectedSlice(json: Buffer, start: number, end: number): EventSlice {
  return { json, start, end, id: EventId.ofHash(json.subarray(start, end)), depth: 0, time: undefined };
}

function idOf({ json, words }: JsonReader, start: number, end: number, field: FoundField): EventId {
  if (field.start < 0 || !isId(json, field)) return EventId.ofHash(json.subarray(start, end));
  const check = checkOf(words, start, end);
  // Without the quotes; what is left of a number cannot be a UUID.
  return (
    EventId.at(json, field.start + 1, field.end - 1, check) ??
    EventId.ofHash(json.subarray(field.start, field.end), check)
  );
}

/** A string that is not empty, or a number: an empty string, null and the like would make many events one. */
function isId(json: Uint8Array, { start, end }: Span): boolean {
  const byte = json[start] ?? 0;
  if (byte === QUOTE) return end - start > 2;
  return byte === 0x2d || (byte >= 0x30 && byte <= 0x39);
}

/**
 * The events as they are printed: each one's own bytes without the line breaks between its tokens, and a line break.
 * In new memory by default.
 */
export function toLines(events: readonly EventSlice[], memory?: ReusableMemory): Buffer {
  const part = partOfPage(events);
  const partStart = events[0]?.start ?? 0;
  const bytes = part?.length ?? events.reduce((sum, { start, end }) => sum + end - start + 1, 0);
  const lines = memory?.ensureCapacity(bytes) ?? Buffer.allocUnsafe(bytes);
  part?.copy(lines);
  let length = 0;
  let page: Buffer | undefined;
  let compact = true;
  for (const { json, start, end } of events) {
    if (json !== page) {
      page = json;
      compact = !json.includes(LF) && !json.includes(CR);
    }
    const lineStart = length;
    if (part === undefined) json.copy(lines, length, start, end);
    else lines.copyWithin(length, start - partStart, end - partStart);
    length += end - start;
    if (!compact) length = withoutLineBreaks(lines, lineStart, length);
    lines[length++] = LF;
  }
  return lines.subarray(0, length);
}

/**
 * The part of the page that holds all the events, and the byte after the last one; undefined unless they are in the order
 * of one page, with at least a byte between them, which leaves room for each line break. Copied at once, they need only
 * be moved together: Buffer.copy makes an object for each event, and takes twice the time.
 */
function partOfPage(events: readonly EventSlice[]): Buffer | undefined {
  const [first] = events;
  if (first === undefined) return undefined;
  const { json } = first;
  let end = first.start - 1;
  for (const event of events) {
    if (event.json !== json || event.start <= end) return undefined;
    end = event.end;
  }
  return end < json.length ? json.subarray(first.start, end + 1) : undefined;
}

/** In valid JSON, line breaks are only between tokens: inside a string they are escapes. Returns the new end. */
function withoutLineBreaks(lines: Buffer, start: number, end: number): number {
  let length = start;
  for (let p = start; p < end; p++) {
    const byte = lines[p] ?? LF;
    if (byte !== LF && byte !== CR) lines[length++] = byte;
  }
  return length;
}
