import type { EventId } from '../events/event-id.ts';

/**
 * Events of one source that are delivered together, as plain data: while Fluent Bit has not acknowledged them, they
 * wait in the state file as `pending`.
 */
export interface Batch {
  /** What each event is known by: its identity, or a hash of the line where it has none. */
  readonly keys: EventId[];
  /** Until when each identity is worth keeping, in epoch seconds; null where the event has none. */
  readonly times: (number | null)[];
  /** Those of events without identity that were delivered since the cursor: the next run is given them again. */
  readonly partial: string[];
  /** The cursor that holds once they are delivered; null when it stays where it is. */
  cursor: string | null;
  /** When the last of the events happened (epoch milliseconds); null when none says. */
  last_event: number | null;
  /** Older identities need not be remembered from then on (epoch seconds). */
  forget_before: number | null;
  readonly late: Lateness;
}

/** Events that were older than the cursor when they were first seen. */
export interface Lateness {
  count: number;
  max_seconds: number;
}

export function emptyBatch(): Batch {
  return {
    keys: [],
    times: [],
    partial: [],
    cursor: null,
    last_event: null,
    forget_before: null,
    late: { count: 0, max_seconds: 0 },
  };
}

/** Adds what follows to a batch. */
export function append(batch: Batch, next: Batch): void {
  for (const key of next.keys) batch.keys.push(key);
  for (const time of next.times) batch.times.push(time);
  if (next.cursor !== null) batch.partial.length = 0;
  for (const key of next.partial) batch.partial.push(key);
  batch.cursor = next.cursor ?? batch.cursor;
  batch.last_event = next.last_event ?? batch.last_event;
  batch.forget_before = next.forget_before ?? batch.forget_before;
  addLateness(batch.late, next.late);
}

export function addLateness(sum: Lateness, { count, max_seconds }: Lateness): void {
  sum.count += count;
  sum.max_seconds = Math.max(sum.max_seconds, max_seconds);
}
