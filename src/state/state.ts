import type { Batch, Lateness } from './batch.ts';
import { toRecord } from './batch-record.ts';
import { parseInstant } from '../lib/duration.ts';
import { StateError } from '../lib/errors.ts';
import type { DestinationSeen } from './destination-seen.ts';
import { HourCounts } from './hour-counts.ts';
import type { SourceRecord } from './journal-line.ts';
import { FIRST_PREV, type ChainEnd, type ChainStart, type Position } from './chain.ts';
import { SeenEvents } from './seen-events.ts';

/** The newest form of the state file that this program reads and writes. */
export const STATE_VERSION = 2;

/** What is known of a source. Everything in here was delivered. */
export interface SourceState {
  /** Where the next poll begins: a whole second (IONOS) or a URL (cloudscale). */
  cursor: string;
  /** Events before this instant (RFC 3339) are not wanted. */
  start: string;
  /** Which events inside the overlap were delivered. */
  readonly seen: SeenEvents;
  /** Keys of events without an id that were delivered of the page at the cursor; nearly always empty. */
  partial: string[];
  /** How many events were ever delivered. */
  delivered: number;
  /** How many were ever left out by --include-types or --exclude-types. */
  excluded: number;
  /** The time of the last delivered event, RFC 3339. */
  last_event: string | null;
  /** When it was last polled, successfully or not. */
  last_attempt: string | null;
  last_success: string | null;
  last_error: string | null;
  readonly late: Lateness;
  /** How many lines were too long, and how many events were set aside. */
  oversize: number;
  rejected: number;
  /** How often Fluent Bit has refused an event, by its key; nearly always empty. */
  strikes: Record<string, number>;
  /** The journal has all events of the source from this second (epoch) on. */
  journal_from: number;
  /** Up to which second (epoch) each sweep, by its age in seconds, has compared the journal with the API. */
  swept: Partial<Record<string, number>>;
  /** When a sweep last compared something, RFC 3339. */
  last_sweep: string | null;
  /** Events that sweeps found missing and delivered, and events that were delivered again on request. */
  found_missing: number;
  redelivered: number;
  /** How many events of the last days the journal has. */
  hours: HourCounts;
  /** How many runs in a row failed because of a page that cannot be read. */
  unreadable: number;
}

/** What was printed and not acknowledged when a run ended: the next run checks whether it was taken after all. */
export interface Pending {
  /** The machine: two of them may share the state. */
  readonly host: string;
  /** Fluent Bit's counter before these lines were printed. */
  readonly base: number;
  readonly lines: number;
  /** When Fluent Bit was started, in epoch seconds. */
  readonly started_at: number;
  /** Fluent Bit's uptime when the run ended: a later count has all its lines. */
  readonly printed_until: number;
  readonly sources: Readonly<Record<string, Batch>>;
}

/** A range of a source that was asked for again. */
export interface Redelivery {
  readonly source: string;
  /** Epoch seconds; everything before `from` is done. */
  from: number;
  readonly to: number;
  /** Only what the journal does not have. */
  readonly missing: boolean;
  /** The journal's last commit when it was asked for: what was redelivered after that is done. */
  readonly since_seq: number;
}

/** Up to where the state file has what the journal says. */
export interface JournalMark extends ChainEnd {
  /** Ids that may come again are in the journal from here on; null when they may be anywhere. */
  readonly known_from: Position | null;
  /** Where the journal begins; null until there is a line, and in the state files of versions that did not note it. */
  readonly first: ChainStart | null;
}

/** The state file's document: a snapshot of what the journal's lines amount to. */
export interface State {
  version: typeof STATE_VERSION;
  /** Where the tutorial's Python fetcher would continue: the oldest cursor. Null before the first success. */
  last_run: string | null;
  /** Grows with each save, so that a run notices another one's save. */
  generation: number;
  journal: JournalMark;
  sources: Record<string, SourceState>;
  pending: Pending | null;
  /** What is to be delivered again, in this order. */
  redeliver: Redelivery[];
  /** What the last run knew about the lines after Fluent Bit's input. */
  destination?: DestinationSeen;
  /** When an event last had one of the types that a filter names, in epoch seconds. */
  types?: Readonly<Record<string, number>>;
  /** It is from the Python fetcher, which has printed everything before `last_run`, and no source was polled since. */
  taken_over?: boolean;
}

/** The file's text. It has the ids of a source's delivered events up to the second that `keptUntil` gives; by default, none. */
export function serializeState(state: State, keptUntil: (source: string) => number = () => -Infinity): string {
  const { pending } = state;
  const batches = Object.entries(pending?.sources ?? {}).map(([name, batch]) => [name, toRecord(batch)] as const);
  const sources = Object.entries(state.sources).map(([name, { seen, ...rest }]) => {
    const until = keptUntil(name);
    return [name, until === -Infinity ? rest : { ...rest, seen: seen.upTo(until) }];
  });
  return `${JSON.stringify({
    ...state,
    sources: Object.fromEntries(sources) as unknown,
    pending: pending === null ? null : { ...pending, sources: Object.fromEntries(batches) },
  })}\n`;
}

export function emptyState(): State {
  const journal = { seq: 0, hash: FIRST_PREV, known_from: null, first: null };
  return { version: STATE_VERSION, last_run: null, generation: 0, journal, sources: {}, pending: null, redeliver: [] };
}

/**
 * Where the Python fetcher would continue: the oldest cursor, so that it skips nothing. Null when there is none, or
 * when cursors are not instants.
 */
export function oldestCursor(sources: readonly Pick<SourceState, 'cursor'>[]): string | null {
  const instants = sources.map(({ cursor }) => parseInstant(cursor));
  if (instants.length === 0 || instants.includes(undefined)) return null;
  const oldest = Math.min(...instants.map((instant) => instant ?? 0));
  return new Date(oldest).toISOString().replace(/\.(\d+)Z$/, '.$1000+00:00');
}

/** The state of a source that was registered. Throws StateError for any other. */
export function stateOf(source: string, { sources }: Pick<State, 'sources'>): SourceState {
  const known = sources[source];
  if (known === undefined) throw new StateError(`${source} was not registered`);
  return known;
}

/** Takes a source out of the state, with what is pending or queued of it. */
export function forgetSource(source: string, state: State): void {
  const { pending } = state;
  const without = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).filter(([name]) => name !== source));
  state.sources = without(state.sources);
  state.redeliver = state.redeliver.filter((queued) => queued.source !== source);
  // Its lines still count: Fluent Bit's counter includes them.
  if (pending !== null) state.pending = { ...pending, sources: without(pending.sources) };
}

/** Events before this second (epoch) are not wanted, or cannot come again. */
export function startOf({ start }: Pick<SourceState, 'start'>): number {
  return Math.floor((parseInstant(start) ?? 0) / 1000);
}

/**
 * From which second (epoch) on a journal has all events of a source, when it begins at this state: the next poll prints
 * again what it may have missed inside the overlap, but not where the cursor is a URL.
 */
export function journalBegin(source: Pick<SourceState, 'cursor' | 'start' | 'last_event' | 'last_success'>): number {
  const instants = parseInstant(source.cursor) === undefined ? [source.last_event, source.last_success] : [];
  return Math.max(startOf(source), ...instants.map((instant) => Math.ceil((parseInstant(instant ?? '') ?? 0) / 1000)));
}

/** Where each source is, as the journal has it. */
export function cursorsOf({ sources }: State): Record<string, SourceRecord> {
  const all: Record<string, SourceRecord> = {};
  for (const [name, { cursor, start, partial }] of Object.entries(sources)) {
    all[name] = { cursor, start, ...(partial.length > 0 ? { partial } : {}) };
  }
  return all;
}

/** A source that starts at this cursor. */
export function newSource(cursor: string): SourceState {
  return {
    cursor,
    start: cursor,
    seen: new SeenEvents(),
    partial: [],
    delivered: 0,
    excluded: 0,
    last_event: null,
    last_attempt: null,
    last_success: null,
    last_error: null,
    late: { count: 0, max_seconds: 0 },
    oversize: 0,
    rejected: 0,
    strikes: {},
    unreadable: 0,
    journal_from: startOf({ start: cursor }),
    swept: {},
    last_sweep: null,
    found_missing: 0,
    redelivered: 0,
    hours: new HourCounts(),
  };
}
