import { stringAt, textAt } from './field-scanner.ts';
import type { Span } from './wanted-fields.ts';

/** Numbers from here on are milliseconds, smaller ones seconds: the year 5138, or March 1973. */
const MS_THRESHOLD = 1e11;
const MAX_TIME = Date.UTC(9999, 11, 31, 23, 59, 59);
/** Date.parse takes nearly anything for a date, and one without a zone for local time; here, it is UTC. */
const DATE_TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?$/i;
const SECONDS_OF_DAY = 86_400;
const NOT_DIGITS = 10_000;

/**
 * The time that a value gives, in epoch milliseconds: RFC 3339, or a number of seconds or milliseconds. Undefined when
 * it is neither, or outside of 1970 to 9999: that is not the time of an event, and no state file could hold it.
 */
export function timeAt(json: Buffer, span: Span): number | undefined {
  const plain = utcTimeAt(json, span.start + 1, span.end - 1);
  if (plain !== undefined) return plain;
  const time = parseTime(stringAt(json, span) ?? textAt(json, span));
  return time >= 0 && time <= MAX_TIME ? time : undefined; // false for NaN, too
}

function parseTime(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) {
    const number = Number(text);
    return number >= MS_THRESHOLD ? number : number * 1000;
  }
  const match = DATE_TIME.exec(text);
  return match === null ? NaN : Date.parse(match[1] === undefined ? `${text}Z` : text);
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
  if (!isTime || month > 12 || day > 31 || year < 1970 || year >= NOT_DIGITS) return undefined;
  return (daysSince1970(year, month, day) * SECONDS_OF_DAY + hour * 3600 + minute * 60 + second) * 1000;
}

/** Years begin in March here, so that the leap day is the last one (howardhinnant.github.io/date_algorithms.html). */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468;
}

/** The number that two digits make; NOT_DIGITS, which no part of a time can be, when one of them is not a digit. */
function twoDigits(json: Buffer, at: number): number {
  const tens = (json[at] ?? 0) - 0x30;
  const ones = (json[at + 1] ?? 0) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NOT_DIGITS;
}
