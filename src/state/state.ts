import type { Batch, Lateness } from './batch.ts';
import { parseInstant } from '../lib/duration.ts';
import { Identity } from '../events/event-id.ts';
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
  /** The Python fetcher left it, and no source was polled since: what is before `last_run` it has printed. */
  taken_over?: boolean;
}

/** The file's text. */
export function serializeState(state: State): string {
  return `${JSON.stringify(state)}\n`;
}

/** Thrown by parseState; `isNewer` tells a file from the future from a broken one. */
export class InvalidStateError extends Error {
  readonly isNewer: boolean;

  constructor(message: string, isNewer = false) {
    super(message);
    this.name = 'InvalidStateError';
    this.isNewer = isNewer;
  }
}

export function emptyState(): State {
  return { version: STATE_VERSION, last_run: null, generation: 0, sources: {}, pending: null };
}

/**
 * The state that a file's text holds: ours, or the one of the tutorial's Python fetcher, which has `last_run` only.
 * Throws InvalidStateError that names the field, what was expected and what came.
 */
export function parseState(text: string): State {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new InvalidStateError('it is not JSON');
  }
  const document = object(json, 'the document');
  const version = document['version'] ?? STATE_VERSION;
  if (typeof version === 'number' && version > STATE_VERSION) {
    throw new InvalidStateError(
      `it has version ${version}, and this program knows versions up to ${STATE_VERSION}: a newer one wrote it`,
      true,
    );
  }
  if (version !== STATE_VERSION) throw unexpected('version', String(STATE_VERSION), version);
  const sources: Record<string, SourceState> = {};
  for (const [name, source] of Object.entries(object(document['sources'] ?? {}, 'sources'))) {
    sources[name] = parseSource(source, `sources["${name}"]`);
  }
  return {
    version: STATE_VERSION,
    last_run: instantOrNull(pythonInstant(document['last_run']), 'last_run'),
    generation: count(document['generation'] ?? 0, 'generation'),
    sources,
    pending: document['pending'] == null ? null : parsePending(document['pending']),
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
    keys: Identity.ofEach(texts(batch['keys'], `${path}.keys`)),
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

function object(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpected(path, 'an object', value);
  return value as Record<string, unknown>;
}

function list(value: unknown, path: string): unknown[] {
  if (!Array.isArray(value)) throw unexpected(path, 'a list', value);
  return value;
}

/** A list of 100,000 must be read in no time, so a path is made for what is wrong only. */
function texts(value: unknown, path: string): string[] {
  const values = list(value, path);
  const wrong = values.findIndex((one) => typeof one !== 'string');
  if (wrong >= 0) throw unexpected(`${path}[${wrong}]`, 'a string', values[wrong]);
  return values as string[];
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw unexpected(path, 'a string', value);
  return value;
}

function textOrNull(value: unknown, path: string): string | null {
  return value === undefined || value === null ? null : text(value, path);
}

function instantOrNull(value: unknown, path: string): string | null {
  const instant = textOrNull(value, path);
  if (instant !== null && parseInstant(instant) === undefined) throw unexpected(path, 'a date and time', value);
  return instant;
}

function count(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw unexpected(path, 'a number', value);
  return value;
}

function unexpected(path: string, expected: string, got: unknown): InvalidStateError {
  const shown = JSON.stringify(got) as string | undefined;
  return new InvalidStateError(`${path} is ${shown?.slice(0, 80) ?? 'missing'}, expected ${expected}`);
}
