import type { EventId } from '../events/event-id.ts';

/** Whether an event was printed, left out by a filter, or went to rejected.jsonl. */
export type Outcome = 'delivered' | 'excluded' | 'set_aside';
/** What became of an event. Where it has no id, it is unnamed: its key is a hash that equal events share. */
export const KINDS = {
  delivered: { outcome: 'delivered', isNamed: true },
  delivered_unnamed: { outcome: 'delivered', isNamed: false },
  excluded: { outcome: 'excluded', isNamed: true },
  excluded_unnamed: { outcome: 'excluded', isNamed: false },
  set_aside: { outcome: 'set_aside', isNamed: true },
  set_aside_unnamed: { outcome: 'set_aside', isNamed: false },
  redelivered: { outcome: 'redelivered', isNamed: true },
} as const;
export type EntryKind = keyof typeof KINDS;
export const ENTRY_KINDS = Object.keys(KINDS) as EntryKind[];

/** Whether an event of this kind is known by its id when it comes again. */
export function isKnownById(kind: EntryKind): boolean {
  return kind === 'delivered' || kind === 'excluded' || kind === 'set_aside';
}

/** Whether an event of this kind was printed. */
export function isPrinted(kind: EntryKind): boolean {
  return kind === 'delivered' || kind === 'delivered_unnamed' || kind === 'redelivered';
}

/** One event that is done. */
export interface Entry {
  /** Its id, or a hash of its bytes where it has none. */
  readonly key: EventId;
  /** When it happened according to the server, in epoch seconds: until the overlap has passed this, it may come again. */
  readonly keepUntil: number;
  /** Delivered, left out by a filter, set aside in rejected.jsonl, or delivered again on request. */
  readonly kind: EntryKind;
}

/**
 * Events of one source that are committed together, as plain data. Until Fluent Bit has acknowledged them, they wait in
 * the state file as `pending`, and nothing in here counts.
 */
export interface Batch {
  readonly entries: Entry[];
  /** Keys of events without identity that were delivered since the cursor: the next run receives them again. */
  readonly partial: string[];
  /** The cursor once they are delivered; null when it does not move. */
  cursor: string | null;
  /** The time of the last event that has one (epoch milliseconds); null when none has. */
  last_event: number | null;
  /** Once they are delivered, older identities need not be kept (epoch seconds). */
  forget_before: number | null;
  readonly late: Lateness;
  /** How many of them were too long for a line, and how many were set aside. */
  oversize: number;
  rejected: number;
  /** How many of them a sweep found missing. */
  found_missing: number;
  /** What the API counts and does not return, in words; null when it returned everything. */
  gap: string | null;
}

/** Events that were older than the cursor when they were first seen. */
export interface Lateness {
  count: number;
  max_seconds: number;
}

export function emptyBatch(): Batch {
  return {
    entries: [],
    partial: [],
    cursor: null,
    last_event: null,
    forget_before: null,
    late: { count: 0, max_seconds: 0 },
    oversize: 0,
    rejected: 0,
    found_missing: 0,
    gap: null,
  };
}

/** Adds the next batch of the same source to a batch. */
export function append(batch: Batch, next: Batch): void {
  for (const entry of next.entries) batch.entries.push(entry);
  if (next.cursor !== null) batch.partial.length = 0;
  for (const key of next.partial) batch.partial.push(key);
  batch.cursor = next.cursor ?? batch.cursor;
  batch.last_event = next.last_event ?? batch.last_event;
  batch.forget_before = next.forget_before ?? batch.forget_before;
  addLateness(batch.late, next.late);
  batch.oversize += next.oversize;
  batch.rejected += next.rejected;
  batch.found_missing += next.found_missing;
  batch.gap = next.gap ?? batch.gap;
}

export function addLateness(sum: Lateness, { count, max_seconds }: Lateness): void {
  sum.count += count;
  sum.max_seconds = Math.max(sum.max_seconds, max_seconds);
}
