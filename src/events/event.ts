import { crc32 } from 'node:zlib';
import { FieldScanner, stringAt, textAt, type FieldPath } from './field-scanner.ts';
import { EventId, UNKNOWN_CHECK } from './event-id.ts';
import { typeAt } from './json-values.ts';
import type { ReusableMemory } from '../lib/reusable-memory.ts';

/** An event: a slice of the page that it came in, never parsed and written again. */
export interface EventSlice {
  readonly json: Buffer;
  readonly start: number;
  readonly end: number;
  /** Undefined where the source has none, and then it is never taken for known. */
  readonly id: EventId | undefined;
  /** How deep it is nested: 1 when it holds no other object or array. */
  readonly depth: number;
  /** When it happened, in epoch milliseconds; undefined when it does not say so. */
  readonly time: number | undefined;
}

/** Where a provider's events carry their identity and time. */
export interface EventLayout {
  /** Undefined: events have no identity at all. */
  readonly id: FieldPath | undefined;
  readonly time: FieldPath;
}

const LF = 0x0a;
const CR = 0x0d;
/** Numbers above are milliseconds, below seconds: the year 5138, or March 1973. */
const MS_THRESHOLD = 1e11;
const MAX_TIME = Date.UTC(9999, 11, 31, 23, 59, 59);
/** Date.parse takes nearly anything for a date, and one without a zone for local time: it stands for UTC. */
const DATE_TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?$/i;

/** An object that is the event itself. */
const ITSELF: readonly FieldPath[] = [[]];

/** Cuts events out of a page. */
export class EventReader {
  readonly #fields: FieldScanner;
  readonly #hasIds: boolean;
  readonly #timesFrom: number;
  readonly #idsFrom: number;

  /** `places`: where in the objects that are read an event may stand. `marks`: what else there may be to be asked for. */
  constructor(layout: EventLayout, places = ITSELF, marks: readonly FieldPath[] = []) {
    const { time, id } = layout;
    this.#hasIds = id !== undefined;
    this.#timesFrom = places.length + marks.length;
    this.#idsFrom = this.#timesFrom + places.length;
    this.#fields = new FieldScanner([
      ...places,
      ...marks,
      ...places.map((place) => [...place, ...time]),
      ...(id === undefined ? [] : places.map((place) => [...place, ...id])),
    ]);
  }

  /** The event in the first place of the object at `at`: the object itself, unless other places were named. */
  read(json: Buffer, at: number): EventSlice {
    this.scan(json, at);
    return this.event(json, 0);
  }

  /** The end of the object at `at`. What it holds stays known until the next scan. Throws JsonSyntaxError. */
  scan(json: Buffer, at: number): number {
    return this.#fields.scan(json, at);
  }

  /** Where the place or, behind the last of them, the mark with this index begins; -1 when it is not there. */
  start(index: number): number {
    return this.#fields.start(index);
  }

  /** The event at a place of the object scanned last, where there must be an object. */
  event(json: Buffer, place: number): EventSlice {
    const fields = this.#fields;
    const start = fields.start(place);
    const end = fields.end(place);
    return {
      json,
      start,
      end,
      depth: fields.depth(place),
      id: this.#hasIds ? this.#identity(json, start, end, this.#idsFrom + place) : undefined,
      time: this.#time(json, this.#timesFrom + place),
    };
  }

  #time(json: Buffer, index: number): number | undefined {
    const start = this.#fields.start(index);
    return start < 0 ? undefined : plausible(timeOf(json, start, this.#fields.end(index)));
  }

  #identity(json: Buffer, start: number, end: number, index: number): EventId {
    const from = this.#fields.start(index);
    const to = this.#fields.end(index);
    const bytes = new Uint8Array(json.buffer, json.byteOffset + start, end - start);
    if (from < 0 || !isIdentity(json, from, to)) return EventId.ofHash(bytes);
    const check = crc32(bytes) | 0 || UNKNOWN_CHECK + 1;
    // Without the quotes; of a number nothing is left that could be a UUID.
    return EventId.at(json, from + 1, to - 1, check) ?? EventId.ofHash(json.subarray(from, to), check);
  }
}

/** A string that is not empty, or a number: an empty one, null and the like would make one event of many. */
function isIdentity(json: Uint8Array, start: number, end: number): boolean {
  if (typeAt(json, start) === 'string') return end - start > 2;
  const byte = json[start] ?? 0;
  return byte === 0x2d || (byte >= 0x30 && byte <= 0x39);
}

/** From 1970 to 9999: what lies outside is no time of an event, and has no form that the state file could hold. */
function plausible(time: number): number | undefined {
  return time >= 0 && time <= MAX_TIME ? time : undefined; // false for NaN, too
}

function timeOf(json: Buffer, start: number, end: number): number {
  const plain = utcTimeAt(json, start + 1, end - 1);
  if (plain !== undefined) return plain;
  const text = stringAt(json, { start, end }) ?? textAt(json, { start, end });
  if (/^\d+(\.\d+)?$/.test(text)) {
    const number = Number(text);
    return number >= MS_THRESHOLD ? number : number * 1000;
  }
  const found = DATE_TIME.exec(text);
  return found === null ? NaN : Date.parse(found[1] === undefined ? `${text}Z` : text);
}

/** `2016-09-23T12:02:52.394Z` and the like, which nearly every event has; digits below the second are left out. */
function utcTimeAt(json: Buffer, start: number, end: number): number | undefined {
  if (end - start < 20 || json[end - 1] !== 0x5a /* Z */ || json[start + 10] !== 0x54 /* T */) return undefined;
  const year = twoDigits(json, start) * 100 + twoDigits(json, start + 2);
  const month = twoDigits(json, start + 5);
  const day = twoDigits(json, start + 8);
  const hour = twoDigits(json, start + 11);
  const minute = twoDigits(json, start + 14);
  const second = twoDigits(json, start + 17);
  const isTime = hour <= 24 && minute <= 59 && second <= 60;
  if (!isTime || month > 12 || day > 31 || year < 1970 || year >= NO_DIGITS) return undefined;
  return startOfDay(year, month, day) + (hour * 3600 + minute * 60 + second) * 1000;
}

const NO_DIGITS = 10_000;

/** The number that two digits make; NO_DIGITS, which no part of a time can be, when one of them is none. */
function twoDigits(json: Buffer, at: number): number {
  const tens = (json[at] ?? 0) - 0x30;
  const ones = (json[at + 1] ?? 0) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NO_DIGITS;
}

/** Kept, since the events of a page happened on one day as a rule. */
let lastDay = { year: 0, month: 0, day: 0, start: 0 };

function startOfDay(year: number, month: number, day: number): number {
  if (day !== lastDay.day || month !== lastDay.month || year !== lastDay.year) {
    lastDay = { year, month, day, start: Date.UTC(year, month - 1, day) };
  }
  return lastDay.start;
}

/**
 * The events as they are printed: each one's own bytes less the line breaks between its tokens, and a line break. In
 * memory of their own unless told.
 */
export function toLines(events: readonly EventSlice[], memory?: ReusableMemory): Buffer {
  const bytes = events.reduce((sum, { start, end }) => sum + end - start + 1, 0);
  const lines = memory?.ensureCapacity(bytes) ?? Buffer.allocUnsafe(bytes);
  let length = 0;
  let page: Buffer | undefined;
  let compact = true;
  for (const { json, start, end } of events) {
    if (json !== page) {
      page = json;
      compact = !json.includes(LF) && !json.includes(CR);
    }
    const lineStart = length;
    length += json.copy(lines, length, start, end);
    if (!compact) length = withoutLineBreaks(lines, lineStart, length);
    lines[length++] = LF;
  }
  return lines.subarray(0, length);
}

/** In valid JSON a line break stands only between tokens: inside of a string it is an escape. Returns the new end. */
function withoutLineBreaks(lines: Buffer, start: number, end: number): number {
  let length = start;
  for (let p = start; p < end; p++) {
    const byte = lines[p] ?? LF;
    if (byte !== LF && byte !== CR) lines[length++] = byte;
  }
  return length;
}
