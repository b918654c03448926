import type { EventSlice } from '../events/event.ts';
import { isPrinted, type Batch } from '../state/batch.ts';
import { keyOf } from '../state/source-progress.ts';
import type { SourceState } from '../state/state.ts';

/** An event that Fluent Bit has refused in this many runs is set aside. */
export const MAX_REFUSALS = 3;
/** How many lines that were refused once are printed together; a line that was refused twice is printed alone. */
const SUSPECTS_AT_ONCE = 100;

type Refusals = Pick<SourceState, 'strikes'>;

/** How often Fluent Bit has refused an event. */
export function refusalsOf(event: EventSlice, { strikes }: Refusals): number {
  return hasRefusals({ strikes }) ? (strikes[keyOf(event).toString()] ?? 0) : 0;
}

/** Whether Fluent Bit has refused any event of the source; it nearly never has. */
export function hasRefusals({ strikes }: Refusals): boolean {
  for (const _key in strikes) return true;
  return false;
}

/** Notes that Fluent Bit did not count all of these events: any of them may be the one that it refuses. */
export function noteRefused(source: Refusals, { entries }: Batch): void {
  const printed = entries.filter(({ kind }) => isPrinted(kind));
  for (const key of new Set(printed.map(({ key }) => key.toString()))) {
    source.strikes[key] = (source.strikes[key] ?? 0) + 1;
  }
}

/**
 * Splits a page into what is printed together: nearly always all of it. What Fluent Bit has refused comes first, in ever
 * smaller portions, each acknowledged before the next, until the line that it cannot take is alone.
 */
export function* portions(events: readonly EventSlice[], source: Refusals): Generator<readonly EventSlice[]> {
  if (!hasRefusals(source)) {
    yield events;
    return;
  }
  const suspects = events.map((event) => ({ event, refusals: refusalsOf(event, source) }));
  let portion: EventSlice[] = [];
  let previous = 0;
  for (const { event, refusals } of suspects.sort((a, b) => b.refusals - a.refusals)) {
    const isFull = previous > 0 && portion.length >= (previous === 1 ? SUSPECTS_AT_ONCE : 1);
    if (portion.length > 0 && (refusals !== previous || isFull)) {
      yield portion;
      portion = [];
    }
    previous = refusals;
    portion.push(event);
  }
  yield portion;
}
