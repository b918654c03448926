import { parseInstant } from '../lib/duration.ts';
import {
  ShapeError,
  count,
  countOrNull,
  counts,
  list,
  numbers,
  object,
  parseJson,
  text,
  textOrNull,
  texts,
  unexpected,
  within,
} from '../lib/narrow.ts';
import type { Batch } from './batch.ts';
import { epochSecond, parseBatch, parseLateness } from './batch-record.ts';
import { parseDestinationSeen } from './destination-seen.ts';
import { HourCounts } from './hour-counts.ts';
import { SeenEvents } from './seen-events.ts';
import {
  STATE_VERSION,
  emptyState,
  journalBegin,
  type JournalMark,
  type Pending,
  type Redelivery,
  type SourceState,
  type State,
} from './state.ts';

/** The document was written by a newer version of this program and must not be changed. */
export class NewerStateError extends ShapeError {}

/**
 * The state in a file's text: ours, or that of the tutorial's Python fetcher, which has `last_run` only. Throws
 * ShapeError that names the field, what was expected and what was found, NewerStateError for a later version.
 */
export function parseState(text: string): State {
  // An editor may have put a byte-order mark in front of it.
  const document = object(parseJson(text.replace(/^\uFEFF/, '')), 'the document');
  const version = document['version'] ?? STATE_VERSION;
  if (typeof version === 'number' && version > STATE_VERSION) {
    throw new NewerStateError(
      `it has version ${version}, and this program knows versions up to ${STATE_VERSION}: a newer one wrote it`,
    );
  }
  if (version !== STATE_VERSION && version !== 1) throw unexpected('version', String(STATE_VERSION), version);
  const sources: Record<string, SourceState> = {};
  for (const [name, source] of Object.entries(object(document['sources'] ?? {}, 'sources'))) {
    const path = `sources["${name}"]`;
    sources[name] = within(path, parseSource, object(source, path));
  }
  const destination = parseDestinationSeen(document['destination']);
  return {
    version: STATE_VERSION,
    last_run: instantOrNull(pythonInstant(document['last_run']), 'last_run'),
    generation: count(document['generation'] ?? 0, 'generation'),
    journal: parseMark(document['journal']),
    sources,
    pending: document['pending'] == null ? null : parsePending(document['pending']),
    redeliver: list(document['redeliver'] ?? [], 'redeliver').map(parseRedelivery),
    ...(destination === undefined ? {} : { destination }),
    ...(document['types'] === undefined ? {} : { types: counts(document['types'], 'types') }),
    ...(document['version'] === undefined || document['taken_over'] === true ? { taken_over: true } : {}),
  };
}

function parseSource(source: Record<string, unknown>): SourceState {
  const cursor = text(source['cursor'], 'cursor');
  const start = instantOrNull(source['start'], 'start') ?? '1970-01-01T00:00:00Z';
  const last_event = instantOrNull(source['last_event'], 'last_event');
  const last_success = textOrNull(source['last_success'], 'last_success');
  return {
    // One by one: a copy of a small object that so many are added to is a dictionary to V8, and takes twice as long.
    cursor,
    start,
    last_event,
    last_success,
    journal_from:
      countOrNull(source['journal_from'], 'journal_from') ?? journalBegin({ cursor, start, last_event, last_success }),
    swept: counts(source['swept'] ?? {}, 'swept'),
    last_sweep: instantOrNull(source['last_sweep'], 'last_sweep'),
    found_missing: count(source['found_missing'] ?? 0, 'found_missing'),
    redelivered: count(source['redelivered'] ?? 0, 'redelivered'),
    hours: new HourCounts(numbers(source['hours'] ?? [], 'hours')),
    seen: new SeenEvents(Object.entries(object(source['seen'] ?? {}, 'seen')).map(seenGroup)),
    partial: texts(source['partial'] ?? [], 'partial'),
    delivered: count(source['delivered'] ?? 0, 'delivered'),
    excluded: count(source['excluded'] ?? 0, 'excluded'),
    last_attempt: textOrNull(source['last_attempt'], 'last_attempt'),
    last_error: textOrNull(source['last_error'], 'last_error'),
    late: parseLateness(source['late'], 'late'),
    oversize: count(source['oversize'] ?? 0, 'oversize'),
    rejected: count(source['rejected'] ?? 0, 'rejected'),
    unreadable: count(source['unreadable'] ?? 0, 'unreadable'),
    strikes: counts(source['strikes'] ?? {}, 'strikes'),
  };
}

/** The identities of a second, `"1795292755":["…"]`; a single one may also come alone, `"…":1795292755`. */
function seenGroup([key, value]: [string, unknown]): [number, string[]] {
  if (typeof value === 'number' && Number.isFinite(value)) return [value, [key]];
  const ids = texts(value, `seen["${key}"]`);
  return [epochSecond(key, 'seen'), ids];
}

function parseMark(value: unknown): JournalMark {
  if (value === undefined) return emptyState().journal;
  const mark = object(value, 'journal');
  const from = mark['known_from'] === null ? null : object(mark['known_from'], 'journal.known_from');
  const first = mark['first'] == null ? null : object(mark['first'], 'journal.first');
  return {
    seq: count(mark['seq'], 'journal.seq'),
    hash: text(mark['hash'], 'journal.hash'),
    known_from: from && {
      file: text(from['file'], 'journal.known_from.file'),
      offset: count(from['offset'], 'journal.known_from.offset'),
    },
    first: first && { seq: count(first['seq'], 'journal.first.seq'), file: text(first['file'], 'journal.first.file') },
  };
}

function parseRedelivery(value: unknown, index: number): Redelivery {
  const path = `redeliver[${index}]`;
  const range = object(value, path);
  return {
    source: text(range['source'], `${path}.source`),
    from: count(range['from'], `${path}.from`),
    to: count(range['to'], `${path}.to`),
    missing: range['missing'] === true,
    since_seq: count(range['since_seq'], `${path}.since_seq`),
  };
}

function parsePending(value: unknown): Pending {
  const pending = object(value, 'pending');
  const sources: Record<string, Batch> = {};
  for (const [name, batch] of Object.entries(object(pending['sources'], 'pending.sources'))) {
    sources[name] = parseBatch(batch, `pending.sources["${name}"]`);
  }
  return {
    host: textOrNull(pending['host'], 'pending.host') ?? '',
    base: count(pending['base'], 'pending.base'),
    lines: count(pending['lines'], 'pending.lines'),
    started_at: count(pending['started_at'], 'pending.started_at'),
    printed_until: count(pending['printed_until'], 'pending.printed_until'),
    sources,
  };
}

/** Python's datetime.isoformat writes a naive time without a zone; the tutorial's fetcher takes it for UTC. */
function pythonInstant(value: unknown): unknown {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?$/.test(value) ? `${value}Z` : value;
}

function instantOrNull(value: unknown, path: string): string | null {
  const instant = textOrNull(value, path);
  if (instant !== null && parseInstant(instant) === undefined) throw unexpected(path, 'a date and time', value);
  return instant;
}
