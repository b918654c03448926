import { PageError } from '../lib/errors.ts';
import { EventReader, type EventSlice } from '../events/event.ts';
import { FieldScanner, indexOfKey, stringAt, textAt } from '../events/field-scanner.ts';
import { endOfValue, typeAt, walkArray, walkObject } from '../events/json-values.ts';
import { asPage, expectObject, notAnObject, readEvents } from './page-scan.ts';

/** A page of a contract's events as the API answers it. */
export interface IonosPage {
  readonly events: readonly EventSlice[];
  /** How many events the window has; undefined when the answer does not say. */
  readonly total: number | undefined;
  /** The total is a lower bound, as Elasticsearch gives it for many hits ("relation": "gte"). */
  readonly totalIsLowerBound: boolean;
}

/** Where an IONOS event carries its identity and its time. */
export const IONOS_EVENT = { id: ['@uuid'], time: ['meta', 'time'] } as const;

const HITS = Buffer.from('hits');
const ITEMS = Buffer.from('items');
const TOTAL = Buffer.from('total');
const LOWER_N = 0x6e;

const reader = new EventReader(IONOS_EVENT);
/** Where the event of a hit may stand: in `_source`, in `source`, or bare. */
const PLACES = [['_source'], ['source'], []];
const [IN_UNDERSCORE_SOURCE, IN_SOURCE, BARE] = [0, 1, 2] as const;
/** What an event itself has: a hit that has one of these is bare, whatever its `source`. */
const MARKS = [['@uuid'], ['meta'], ['event']];
const hitReader = new EventReader(IONOS_EVENT, PLACES, MARKS);
const totalFields = new FieldScanner([['value'], ['relation']]);
const contractFields = new FieldScanner([['id']]);

/**
 * Cuts the events out of an answer of `GET /contracts/{n}`, in every shape that the API is known or said to have:
 * `hits.hits[]` with the event in `_source`, in `source` or bare, `items[]`, and a bare array.
 * Throws PageError when it is none of these, or no JSON.
 */
export function scanIonosPage(json: Buffer): IonosPage {
  return asPage(json, (start) => {
    let total: Total = NO_TOTAL;
    let items: EventSlice[] | undefined;
    let hits: EventSlice[] | undefined;
    const end = forEachListOr(json, start, (key, value) => {
      if (key === 'items' && typeAt(json, value) === 'array') {
        items = [];
        return readEvents(json, value, reader, items);
      }
      if (key !== 'hits' || typeAt(json, value) !== 'object') return endOfValue(json, value);
      return walkObject(json, value, (keyStart, keyEnd, at) => {
        const inner = indexOfKey(json, keyStart, keyEnd, [HITS, TOTAL]);
        if (inner === 0) {
          hits = [];
          return readHits(json, at, hits);
        }
        const valueEnd = endOfValue(json, at);
        if (inner === 1) total = totalAt(json, at, valueEnd);
        return valueEnd;
      });
    });
    const events = items ?? hits;
    if (events === undefined) throw new PageError('it has no list of events (hits.hits, items or an array)');
    return { end, result: { events, ...total } };
  });
}

/**
 * The contract numbers of an answer of `GET /contracts`, a bare array or `items`, as the text that they are written
 * with. Throws PageError when it is no such list.
 */
export function scanContractList(json: Buffer): string[] {
  return asPage(json, (start) => {
    let numbers: string[] | undefined;
    let entries = 0;
    const end = forEachListOr(json, start, (key, value) => {
      if (key !== 'items' || typeAt(json, value) !== 'array') return endOfValue(json, value);
      numbers = [];
      const found = numbers;
      return walkArray(json, value, (at) => {
        entries++;
        if (typeAt(json, at) !== 'object') return endOfValue(json, at);
        const contractEnd = contractFields.scan(json, at);
        const id = contractFields.field(0);
        const number = id === undefined ? 'null' : (stringAt(json, id) ?? textAt(json, id));
        if (number !== 'null' && number !== '') found.push(number);
        return contractEnd;
      });
    });
    if (numbers === undefined) throw new PageError('it has no list of contracts (items or an array)');
    if (entries > 0 && numbers.length === 0) throw new PageError(`none of its ${entries} contracts has an id`);
    return { end, result: numbers };
  });
}

/** A bare array is visited as if it were called `items`; of an object, each member with its name. */
function forEachListOr(json: Buffer, at: number, visit: (key: 'items' | 'hits' | '', at: number) => number): number {
  switch (typeAt(json, at)) {
    case 'array':
      return visit('items', at);
    case 'object':
      return walkObject(json, at, (keyStart, keyEnd, value) => {
        const name = (['items', 'hits'] as const)[indexOfKey(json, keyStart, keyEnd, [ITEMS, HITS])];
        return visit(name ?? '', value);
      });
    default:
      endOfValue(json, at);
      throw new PageError('it is neither an object nor an array');
  }
}

/** `hits.hits`; null is how some servers write an empty list. */
function readHits(json: Buffer, at: number, events: EventSlice[]): number {
  if (typeAt(json, at) !== 'array') {
    const end = endOfValue(json, at);
    if (textAt(json, { start: at, end }) === 'null') return end;
    throw new PageError('hits.hits is not a list');
  }
  return walkArray(json, at, (start) => {
    expectObject(json, start, events.length);
    const end = hitReader.scan(json, start);
    const place = placeInHit(json);
    if (place === undefined) throw notAnObject(events.length);
    events.push(hitReader.event(json, place));
    return end;
  });
}

/** Where the event of the hit scanned last stands; undefined when its `_source` is something else. */
function placeInHit(json: Buffer): number | undefined {
  const main = hitReader.start(IN_UNDERSCORE_SOURCE);
  if (main >= 0 && typeAt(json, main) === 'object') return IN_UNDERSCORE_SOURCE;
  const other = hitReader.start(IN_SOURCE);
  const hasOther = other >= 0 && typeAt(json, other) === 'object';
  // `_source` is the event, or null beside a `source` that is; `source` may be any field of a bare hit.
  if (main >= 0 && (!hasOther || json[main] !== LOWER_N)) return undefined;
  const isBare = MARKS.some((_, index) => hitReader.start(PLACES.length + index) >= 0);
  return hasOther && !isBare ? IN_SOURCE : BARE;
}

type Total = Pick<IonosPage, 'total' | 'totalIsLowerBound'>;
const NO_TOTAL: Total = { total: undefined, totalIsLowerBound: false };

/** A number, or as newer Elasticsearch servers send it, `{"value":n,"relation":"eq"}`. */
function totalAt(json: Buffer, start: number, end: number): Total {
  if (typeAt(json, start) !== 'object') return { total: numberAt(json, start, end), totalIsLowerBound: false };
  totalFields.scan(json, start);
  const value = totalFields.field(0);
  const relation = totalFields.field(1);
  return {
    total: value === undefined ? undefined : numberAt(json, value.start, value.end),
    totalIsLowerBound: relation !== undefined && stringAt(json, relation) === 'gte',
  };
}

function numberAt(json: Buffer, start: number, end: number): number | undefined {
  const text = stringAt(json, { start, end }) ?? textAt(json, { start, end });
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
