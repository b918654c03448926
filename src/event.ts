import { hash } from 'node:crypto';
import { FieldScanner, stringAt, textAt, type FieldPath } from './event-scanner.ts';
import { typeAt } from './json-text.ts';

/** An event: a slice of the page that it came in, never parsed and written again. */
export interface EventSlice {
  readonly json: Buffer;
  readonly start: number;
  readonly end: number;
  /** Its identity or a short form of it; undefined where the source has none, and then it is never taken for known. */
  readonly id: string | undefined;
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

/** 72 bits as text: below 13 characters V8 keeps a string of its own rather than a slice of the longer one. */
const ID_LENGTH = 12;
/** A UUID is short enough to stand for itself: that costs a tenth of a hash, and it can be found in the state file. */
const UUID_LENGTH = 36;
const LF = 0x0a;
const CR = 0x0d;
/** Numbers above are milliseconds, below seconds: the year 5138, or March 1973. */
const MS_THRESHOLD = 1e11;
const MAX_TIME = Date.UTC(9999, 11, 31, 23, 59, 59);
/** Date.parse takes nearly anything for a date, and one without a zone for local time: it stands for UTC. */
const DATE_TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?$/i;

/** Cuts events out of a page. */
export class EventReader {
  readonly #fields: FieldScanner;
  readonly #hasIds: boolean;

  constructor(layout: EventLayout) {
    this.#hasIds = layout.id !== undefined;
    this.#fields = new FieldScanner([layout.time, ...(layout.id === undefined ? [] : [layout.id])]);
  }

  /** The event at `at`, which must be an object. Throws JsonSyntaxError when it is not valid JSON. */
  read(json: Buffer, at: number): EventSlice {
    const end = this.#fields.scan(json, at);
    const time = this.#fields.field(0);
    return {
      json,
      start: at,
      end,
      depth: this.#fields.depth,
      id: this.#hasIds ? this.#identity(json, at, end) : undefined,
      time: time === undefined ? undefined : plausible(timeOf(json, time.start, time.end)),
    };
  }

  #identity(json: Buffer, start: number, end: number): string {
    const field = this.#fields.field(1);
    if (field === undefined || !isIdentity(json, field.start, field.end)) return shortHash(json.subarray(start, end));
    const isUuid = field.end - field.start === UUID_LENGTH + 2 && typeAt(json, field.start) === 'string';
    return isUuid
      ? json.toString('latin1', field.start + 1, field.end - 1)
      : shortHash(json.subarray(field.start, field.end));
  }
}

/** A string that is not empty, or a number: an empty one, null and the like would make one event of many. */
function isIdentity(json: Uint8Array, start: number, end: number): boolean {
  if (typeAt(json, start) === 'string') return end - start > 2;
  const byte = json[start] ?? 0;
  return byte === 0x2d || (byte >= 0x30 && byte <= 0x39);
}

/** Short, and still too long to hide an event by an identity made to match. */
export function shortHash(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'base64url').slice(0, ID_LENGTH);
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
  const year = digits(json, start, 2) * 100 + digits(json, start + 2, 2);
  const month = digits(json, start + 5, 2);
  const day = digits(json, start + 8, 2);
  const hour = digits(json, start + 11, 2);
  const minute = digits(json, start + 14, 2);
  const second = digits(json, start + 17, 2);
  const inRange = month <= 12 && day <= 31 && hour <= 24 && minute <= 59 && second <= 60; // false for NaN, too
  return inRange && year >= 1970 ? Date.UTC(year, month - 1, day, hour, minute, second) : undefined;
}

/** The decimal number that this many digits make; NaN when one of them is none. */
function digits(json: Buffer, at: number, count: number): number {
  let number = 0;
  for (let p = at; p < at + count; p++) {
    const digit = (json[p] ?? 0) - 0x30;
    number = digit >= 0 && digit <= 9 ? number * 10 + digit : NaN;
  }
  return number;
}

/** The events as they are printed: each one's own bytes less the line breaks between its tokens, and a line break. */
export function toLines(events: readonly EventSlice[]): Buffer {
  const lines = Buffer.allocUnsafe(events.reduce((bytes, { start, end }) => bytes + end - start + 1, 0));
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
