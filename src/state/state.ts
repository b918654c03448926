import type { Batch, Lateness } from './batch.ts';
import { ShapeError, count, parseJson, list, object, text, textOrNull, texts, unexpected } from '../lib/narrow.ts';
import { parseInstant } from '../lib/duration.ts';
import { EventId } from '../events/event-id.ts';
import { parseDestinationSeen, type DestinationSeen } from './destination-seen.ts';
import { SeenEvents } from './seen-events.ts';

/** The newest form of the state file that this program reads and writes. */
export const STATE_VERSION = 1;

/** What is known of a source. Everything in here was delivered. */
export interface SourceState {
  /** Where the next poll begins: a whole second (IONOS) or a URL (cloudscale). */
  cursor: string;
  /** The instant before which events are not ours, RFC 3339. */
  start: string;
  /** Which events inside the overlap were delivered. */
  readonly seen: SeenEvents;
  /** Those of events without identity that were delivered of the page at the cursor; empty as a rule. */
  partial: string[];
  /** How many events were delivered in all. */
  delivered: number;
  /** When the event that was delivered last happened, RFC 3339. */
  last_event: string | null;
  /** When it was last polled, whatever came of it. */
  last_attempt: string | null;
  last_success: string | null;
  last_error: string | null;
  readonly late: Lateness;
  /** How many lines were too long, and how many Fluent Bit refused for good. */
  oversize: number;
  rejected: number;
  /** How often Fluent Bit has refused an event, by its key; empty as a rule. */
  strikes: Record<string, number>;
}

/** What was printed and not acknowledged when a run ended: the next run looks whether it was taken after all. */
export interface Pending {
  /** Whose Fluent Bit it was: two machines may share the state. */
  readonly host: string;
  /** Fluent Bit's counter before these lines were printed. */
  readonly base: number;
  readonly lines: number;
  /** When that life of Fluent Bit began, in epoch seconds. */
  readonly started_at: number;
  /** The second of that life in which the run ended: what is counted later has all its lines. */
  readonly printed_until: number;
  readonly sources: Readonly<Record<string, Batch>>;
}

/** The state file's document. */
export interface State {
  version: typeof STATE_VERSION;
  /** What the tutorial's Python fetcher would go on from: the oldest cursor. Null before the first success. */
  last_run: string | null;
  /** Grows with each save, so that a run notices when another one wrote. */
  generation: number;
  sources: Record<string, SourceState>;
  pending: Pending | null;
  /** What the last run knew of the lines behind Fluent Bit's input. */
  destination?: DestinationSeen;
  /** The Python fetcher left it, and no source was polled since: what is before `last_run` it has printed. */
  taken_over?: boolean;
}

/** The file's text. */
export function serializeState(state: State): string {
  return `${JSON.stringify(state)}\n`;
}

/** The document was written by a newer version of this program, and must be left as it is. */
export class NewerStateError extends ShapeError {}

export function emptyState(): State {
  return { version: STATE_VERSION, last_run: null, generation: 0, sources: {}, pending: null };
}

/**
 * The state that a file's text holds: ours, or the one of the tutorial's Python fetcher, which has `last_run` only.
 * Throws ShapeError that names the field, what was expected and what came; NewerStateError for a later version.
 */
export function parseState(text: string): State {
  const document = object(parseJson(text), 'the document');
  const version = document['version'] ?? STATE_VERSION;
  if (typeof version === 'number' && version > STATE_VERSION) {
    throw new NewerStateError(
      `it has version ${version}, and this program knows versions up to ${STATE_VERSION}: a newer one wrote it`,
    );
  }
  if (version !== STATE_VERSION) throw unexpected('version', String(STATE_VERSION), version);
  const sources: Record<string, SourceState> = {};
  for (const [name, source] of Object.entries(object(document['sources'] ?? {}, 'sources'))) {
    sources[name] = parseSource(source, `sources["${name}"]`);
  }
  const destination = parseDestinationSeen(document['destination']);
  return {
    version: STATE_VERSION,
    last_run: instantOrNull(pythonInstant(document['last_run']), 'last_run'),
    generation: count(document['generation'] ?? 0, 'generation'),
    sources,
    pending: document['pending'] == null ? null : parsePending(document['pending']),
    ...(destination === undefined ? {} : { destination }),
    ...(document['version'] === undefined || document['taken_over'] === true ? { taken_over: true } : {}),
  };
}

function parseSource(value: unknown, path: string): SourceState {
  const source = object(value, path);
  const seen = Object.entries(object(source['seen'] ?? {}, `${path}.seen`));
  const late = object(source['late'] ?? {}, `${path}.late`);
  return {
    cursor: text(source['cursor'], `${path}.cursor`),
    start: instantOrNull(source['start'], `${path}.start`) ?? '1970-01-01T00:00:00Z',
    seen: new SeenEvents(seen.map(([key, value]) => seenGroup(key, value, `${path}.seen`))),
    partial: texts(source['partial'] ?? [], `${path}.partial`),
    delivered: count(source['delivered'] ?? 0, `${path}.delivered`),
    last_event: instantOrNull(source['last_event'], `${path}.last_event`),
    last_attempt: textOrNull(source['last_attempt'], `${path}.last_attempt`),
    last_success: textOrNull(source['last_success'], `${path}.last_success`),
    last_error: textOrNull(source['last_error'], `${path}.last_error`),
    late: {
      count: count(late['count'] ?? 0, `${path}.late.count`),
      max_seconds: count(late['max_seconds'] ?? 0, `${path}.late.max_seconds`),
    },
    oversize: count(source['oversize'] ?? 0, `${path}.oversize`),
    rejected: count(source['rejected'] ?? 0, `${path}.rejected`),
    strikes: Object.fromEntries(
      Object.entries(object(source['strikes'] ?? {}, `${path}.strikes`)).map(([key, strikes]) => [
        key,
        count(strikes, `${path}.strikes["${key}"]`),
      ]),
    ),
  };
}

/** The identities of a second, `"1795292755":["…"]`; one may also stand by itself, `"…":1795292755`. */
function seenGroup(key: string, value: unknown, path: string): [number, string[]] {
  if (typeof value === 'number' && Number.isFinite(value)) return [value, [key]];
  const ids = texts(value, `${path}["${key}"]`);
  const second = Number(key);
  if (!Number.isFinite(second)) throw unexpected(`a key of ${path}`, 'epoch seconds', key);
  return [second, ids];
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

function parseBatch(value: unknown, path: string): Batch {
  const batch = object(value, path);
  const late = object(batch['late'], `${path}.late`);
  const times = list(batch['times'], `${path}.times`);
  return {
    keys: EventId.ofEach(texts(batch['keys'], `${path}.keys`)),
    times: times.map((time, index) => (time === null ? null : count(time, `${path}.times[${index}]`))),
    partial: texts(batch['partial'] ?? [], `${path}.partial`),
    cursor: textOrNull(batch['cursor'], `${path}.cursor`),
    last_event: batch['last_event'] == null ? null : count(batch['last_event'], `${path}.last_event`),
    forget_before: batch['forget_before'] == null ? null : count(batch['forget_before'], `${path}.forget_before`),
    late: {
      count: count(late['count'], `${path}.late.count`),
      max_seconds: count(late['max_seconds'], `${path}.late.max_seconds`),
    },
  };
}

/** Python's datetime.isoformat leaves the zone out of a naive time; the tutorial's fetcher takes that for UTC. */
function pythonInstant(value: unknown): unknown {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?$/.test(value) ? `${value}Z` : value;
}

/**
 * What the Python fetcher goes on from: the oldest cursor, so that it points past nobody. Null when there is none,
 * or when cursors are no instants.
 */
export function oldestCursor(sources: readonly Pick<SourceState, 'cursor'>[]): string | null {
  const instants = sources.map(({ cursor }) => parseInstant(cursor));
  if (instants.length === 0 || instants.includes(undefined)) return null;
  const oldest = Math.min(...instants.map((instant) => instant ?? 0));
  return new Date(oldest).toISOString().replace(/\.(\d+)Z$/, '.$1000+00:00');
}

function instantOrNull(value: unknown, path: string): string | null {
  const instant = textOrNull(value, path);
  if (instant !== null && parseInstant(instant) === undefined) throw unexpected(path, 'a date and time', value);
  return instant;
}
