import type { EventId } from '../events/event-id.ts';

/** What became of an event. Where an event has no id of its own, `unnamed`, its key is a hash and says nothing twice. */
export const ENTRY_KINDS = ['delivered', 'delivered_unnamed', 'excluded', 'excluded_unnamed', 'redelivered'] as const;
/** Whether an event was printed, or left out by a filter. */
export type Outcome = 'delivered' | 'excluded';
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** One event that needs no further care. */
export interface Entry {
  /** Its id, or a hash of its bytes where it has none. */
  readonly key: EventId;
  /** When the server says that it happened, in epoch seconds: until the overlap passes it, it may come again. */
  readonly keepUntil: number;
  /** Delivered, left out by a filter, or delivered once more because somebody asked for it. */
  readonly kind: EntryKind;
}

/**
 * Events of one source that are delivered together, as plain data: what is committed at once. While Fluent Bit has not
 * acknowledged them, they wait in the state file as `pending`. Nothing in here counts before that.
 */
export interface Batch {
  readonly entries: Entry[];
  /** Keys of events without identity that were delivered since the cursor: the next run receives them again. */
  readonly partial: string[];
  /** The cursor that holds once they are delivered; null when it stays where it is. */
  cursor: string | null;
  /** When the last of the events happened (epoch milliseconds); null when none says. */
  last_event: number | null;
  /** Older identities need not be kept from then on (epoch seconds). */
  forget_before: number | null;
  readonly late: Lateness;
  /** How many of them were too long for a line, and how many were set aside because Fluent Bit refused them. */
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

/** Adds what follows to a batch. */
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
