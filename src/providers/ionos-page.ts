import { ApiError, PageError } from '../lib/errors.ts';
import { EventReader, readElements, type EventSlice, type Rejected } from '../events/event.ts';
import type { JsonReader } from '../events/json-reader.ts';
import { readPage } from '../events/read-page.ts';

/** A page of a contract's events as the API answers it. */
export interface IonosPage {
  readonly events: readonly EventSlice[];
  /** What the list has besides events; always empty unless asked for. */
  readonly rejected: readonly EventSlice[];
  /** How many events the window has; undefined when the answer does not say. */
  readonly total: number | undefined;
  /** The total is a lower bound, as Elasticsearch gives it for many hits ("relation": "gte"). */
  readonly totalIsLowerBound: boolean;
}

/** Where an IONOS event carries its id and its time. */
export const IONOS_EVENT = { id: ['@uuid'], time: ['meta', 'time'] } as const;

type Total = Pick<IonosPage, 'total' | 'totalIsLowerBound'>;
const NO_TOTAL: Total = { total: undefined, totalIsLowerBound: false };

/**
 * Cuts the events out of an answer of `GET /contracts/{n}`, in every form that the API is known or said to have:
 * `hits.hits[]` with the event in `_source`, in `source` or bare, `items[]`, and a bare array.
 * Throws PageError when it has another form or is not JSON, or when one of the events is something else and `rejects`
 * is not set. Throws a retryable ApiError when the answer says that it is not complete.
 */
export function scanIonosPage(json: Buffer, rejects = false): IonosPage {
  return readPage(json, (reader) => {
    const events = new EventReader(IONOS_EVENT);
    const rejected: EventSlice[] = [];
    const wanted = rejects ? { slices: rejected } : undefined;
    if (reader.type() === 'array') return { events: events.readList(reader, wanted), rejected, ...NO_TOTAL };
    if (reader.type() !== 'object') reader.refuse('it is neither an object nor an array');
    let items: readonly EventSlice[] | undefined;
    let hits: readonly EventSlice[] | undefined;
    let total = NO_TOTAL;
    let missing: string | undefined;
    for (let more = reader.enterObject(); more; more = reader.nextMember()) {
      const key = reader.key();
      if (key === 'items' && reader.type() === 'array') items = events.readList(reader, wanted);
      else if (key === 'hits' && reader.type() === 'object') {
        for (let moreHits = reader.enterObject(); moreHits; moreHits = reader.nextMember()) {
          const inner = reader.key();
          if (inner === 'hits') hits = readHits(reader, events, wanted);
          else if (inner === 'total') total = readTotal(reader);
          else reader.skipValue();
        }
      } else if (key === '_shards' && reader.type() === 'object') missing ??= readFailedShards(reader);
      else if (key === 'timed_out' || key === 'terminated_early' || key === 'is_partial') {
        if (reader.text() === 'true') missing ??= key;
      } else reader.skipValue();
    }
    if (missing !== undefined) {
      throw new ApiError(`HTTP 200 with a page that says it is not complete (${missing})`, {
        status: 200,
        retryable: true,
      });
    }
    const all = items ?? hits;
    if (all === undefined) throw new PageError('it has no list of events (hits.hits, items or an array)');
    return { events: all, rejected, ...total };
  });
}

/** `hits.hits`; some servers write an empty list as null. */
function readHits(reader: JsonReader, events: EventReader, rejected: Rejected | undefined): EventSlice[] {
  if (reader.type() === 'array') return readElements(reader, () => readHit(reader, events), rejected);
  if (reader.text() !== 'null') throw new PageError('hits.hits is not a list');
  return [];
}

const [UNDERSCORE_SOURCE, SOURCE, NONE] = [0, 1, -1];
/** The event itself has the others: a hit that has one of them is bare, whatever its `source`. */
const KEYS_OF_HITS = ['_source', 'source', '@uuid', 'meta', 'event'].map((key) => Buffer.from(key));

/** The event of a hit: in `_source`, in `source`, or the hit itself. Undefined when it is something else. */
function readHit(reader: JsonReader, events: EventReader): EventSlice | undefined {
  if (reader.type() !== 'object') {
    reader.skipValue();
    return undefined;
  }
  const start = reader.pos;
  let main: EventSlice | undefined;
  let other: EventSlice | undefined;
  let mainText: string | undefined;
  let isBare = false;
  for (let more = reader.enterObject(); more; more = reader.nextMember()) {
    const key = reader.keyAmong(KEYS_OF_HITS);
    if (key === UNDERSCORE_SOURCE && reader.type() === 'object') main = events.read(reader);
    else if (key === UNDERSCORE_SOURCE) [main, mainText] = [undefined, reader.text()];
    else if (key === SOURCE && reader.type() === 'object') other = events.read(reader);
    else {
      if (key === SOURCE) other = undefined;
      else if (key !== NONE) isBare = true;
      reader.skipValue();
    }
  }
  if (main !== undefined) return main;
  // `_source` is the event, or null beside a `source` that is; `source` may be any field of a bare hit.
  if (mainText !== undefined && (mainText !== 'null' || other === undefined)) return undefined;
  if (other !== undefined && !isBare) return other;
  reader.pos = start;
  return events.read(reader);
}

/** A number, or as newer Elasticsearch servers send it, `{"value":n,"relation":"eq"}`. */
function readTotal(reader: JsonReader): Total {
  if (reader.type() !== 'object') return { total: readCount(reader), totalIsLowerBound: false };
  let { total, totalIsLowerBound } = NO_TOTAL;
  for (let more = reader.enterObject(); more; more = reader.nextMember()) {
    const key = reader.key();
    if (key === 'value') total = readCount(reader);
    else if (key === 'relation') totalIsLowerBound = reader.string() === 'gte';
    else reader.skipValue();
  }
  return { total, totalIsLowerBound };
}

/** Elasticsearch's account of the parts that were searched, such as `{"total":5,"failed":1}`; undefined when all were. */
function readFailedShards(reader: JsonReader): string | undefined {
  let failed: number | undefined;
  for (let more = reader.enterObject(); more; more = reader.nextMember()) {
    if (reader.key() === 'failed') failed = readCount(reader);
    else reader.skipValue();
  }
  return failed === undefined || failed === 0 ? undefined : `${failed} of its shards failed`;
}

/** A number of things, written as a number or as text; undefined for anything else. */
export function readCount(reader: JsonReader): number | undefined {
  const text = reader.text().replace(/^"(.*)"$/, '$1');
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
