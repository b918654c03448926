import { PageError } from '../lib/errors.ts';
import { EventReader, type EventSlice } from '../events/event.ts';
import { indexOfKey, stringAt, textAt } from '../events/field-scanner.ts';
import { endOfValue, typeAt, walkObject } from '../events/json-values.ts';
import { asPage, readEvents } from './page-scan.ts';

/** A page of a project's log as the API answers it. */
export interface CloudscalePage {
  readonly entries: readonly EventSlice[];
  /** The page that follows; null when this one is the last for now. */
  readonly next: string | null;
  /** Where to go on from once this page is delivered. */
  readonly pollMore: string;
}

/** Entries have no identity. */
export const CLOUDSCALE_ENTRY = { id: undefined, time: ['timestamp'] } as const;

const KEYS = ['results', 'next', 'poll_more'].map((key) => Buffer.from(key));
const reader = new EventReader(CLOUDSCALE_ENTRY);

/** Cuts the entries out of an answer of `GET /project-logs`. Throws PageError when it is none. */
export function scanCloudscalePage(json: Buffer): CloudscalePage {
  return asPage(json, (start) => {
    if (typeAt(json, start) !== 'object') {
      endOfValue(json, start); // where it is not even JSON, that is what is said
      throw new PageError('it is not an object');
    }
    const page: { entries?: EventSlice[]; next: string | null; pollMore: string | null } = {
      next: null,
      pollMore: null,
    };
    const end = walkObject(json, start, (keyStart, keyEnd, value) => {
      const key = indexOfKey(json, keyStart, keyEnd, KEYS);
      if (key === 0 && typeAt(json, value) === 'array') {
        page.entries = [];
        return readEvents(json, value, reader, page.entries);
      }
      const valueEnd = endOfValue(json, value);
      if (key === 1) page.next = urlAt(json, value, valueEnd, 'next');
      if (key === 2) page.pollMore = urlAt(json, value, valueEnd, 'poll_more');
      return valueEnd;
    });
    const { entries, next, pollMore } = page;
    if (entries === undefined) throw new PageError('it has no list of entries (results)');
    if (pollMore === null) throw new PageError('it does not say where to go on from (poll_more)');
    return { end, result: { entries, next, pollMore } };
  });
}

function urlAt(json: Buffer, start: number, end: number, name: string): string | null {
  const text = stringAt(json, { start, end });
  if (text === undefined && textAt(json, { start, end }) === 'null') return null;
  if (text === undefined || !URL.canParse(text)) throw new PageError(`its ${name} is no URL`);
  return text;
}
