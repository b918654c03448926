import { addLateness, emptyBatch, type Batch, type Entry, type Outcome } from './batch.ts';
import { formatSecond, parseInstant } from '../lib/duration.ts';
import type { EventSlice } from '../events/event.ts';
import { EventId } from '../events/event-id.ts';
import type { Checkpoint, Page } from '../providers/provider.ts';
import type { SourceState } from './state.ts';

/** How far a source got in this run: selects what is new in a page, and says what is to be committed. */
export class SourceProgress {
  readonly name: string;
  readonly state: SourceState;
  /** Of this run; 0 when no event came late. */
  greatestLateness = 0;
  /** Events of this run whose id had come before with other bytes. */
  #altered = 0;
  /** What the last run delivered of the pages that come first, each as often as there are such events. */
  readonly #partial: Map<string, number>;

  constructor(name: string, state: SourceState) {
    this.name = name;
    this.state = state;
    this.#partial = new Map();
    for (const key of state.partial) this.#partial.set(key, (this.#partial.get(key) ?? 0) + 1);
  }

  get checkpoint(): Checkpoint {
    const { cursor, start, last_event: lastEvent, unreadable } = this.state;
    return {
      cursor,
      start: Date.parse(start) / 1000,
      ...(lastEvent === null ? {} : { lastEvent: Date.parse(lastEvent) }),
      ...(unreadable > 0 ? { isolatesBadEvents: true } : {}),
    };
  }

  /** The events of the page that were not printed before. */
  take(page: Page): EventSlice[] {
    return page.events.filter((event) => {
      if (event.id === undefined) return !this.#isDelivered(event);
      const occurrence = this.state.seen.note(event.id);
      if (occurrence === 'altered') this.#altered++;
      return occurrence !== 'known';
    });
  }

  /** What the page has in the place of events and was not set aside before. */
  takeRejected({ rejected = [] }: Page): EventSlice[] {
    return rejected.filter(({ id }) => id !== undefined && this.state.seen.note(id) !== 'known');
  }

  /** What to say at the end of a run in which events came with an id that others had; undefined when none did. */
  get alteredWarning(): string | undefined {
    if (this.#altered === 0) return undefined;
    const came = this.#altered === 1 ? '1 event came' : `${this.#altered} events came`;
    return `${this.name}: ${came} with an id that another event has, but with other content; none was left out`;
  }

  #isDelivered(event: EventSlice): boolean {
    if (this.#partial.size === 0) return false;
    const key = keyOf(event).toString();
    const left = this.#partial.get(key) ?? 0;
    this.#partial.set(key, left - 1);
    return left > 0;
  }

  /** What is to be noted once these events of the page are delivered, or left out; with its end, the page is. */
  batch(page: Page, events: readonly EventSlice[], isEnd: boolean, outcome: Outcome = 'delivered'): Batch {
    const batch = emptyBatch();
    for (const event of events) {
      const key = keyOf(event);
      const kind = event.id === undefined ? (`${outcome}_unnamed` as const) : outcome;
      batch.entries.push({ key, keepUntil: secondOf(event, page), kind });
      if (event.id === undefined && !isEnd) batch.partial.push(key.toString());
      const lateness = latenessOf(event, page);
      if (lateness > 0) addLateness(batch.late, { count: 1, max_seconds: lateness });
    }
    if (isEnd) {
      // Not before: the page may be printed in another order, and its cursor stays until all of it is delivered.
      batch.last_event = page.events.findLast(({ time }) => time !== undefined)?.time ?? null;
      batch.cursor = page.cursor;
      batch.forget_before = page.forgetBefore ?? null;
      batch.gap = page.gap ?? null;
    }
    this.greatestLateness = Math.max(this.greatestLateness, batch.late.max_seconds);
    return batch;
  }
}

/** By how many seconds the event came late. A time outside of the span that the server put it in says nothing. */
function latenessOf({ time }: EventSlice, { between, lateBefore }: Page): number {
  if (time === undefined || lateBefore === undefined) return 0;
  const seconds = time / 1000;
  if (between !== undefined && (seconds < between.from || seconds >= between.to)) return 0;
  return Math.max(0, Math.ceil(lateBefore - seconds));
}

function startsAfterCursor({ start, cursor }: SourceState): boolean {
  return (parseInstant(start) ?? 0) > (parseInstant(cursor) ?? Infinity);
}

/** Applies a delivered batch to the state of its source; `at` is the present, in epoch milliseconds. */
export function noteDelivered(state: SourceState, batch: Batch, at: number): void {
  for (const entry of batch.entries) noteEntry(state, entry);
  noteRest(state, batch, at);
}

/** Applies one event of a delivered batch. */
export function noteEntry(state: SourceState, { key, keepUntil, kind }: Entry): void {
  if (kind === 'delivered' || kind === 'excluded') state.seen.add(key, keepUntil);
  if (kind === 'delivered' || kind === 'delivered_unnamed') state.delivered++;
  if (kind === 'excluded' || kind === 'excluded_unnamed') state.excluded++;
  if (kind === 'redelivered') state.redelivered++;
  else state.hours.add(keepUntil);
}

/** Applies what else a delivered batch says. */
export function noteRest(state: SourceState, batch: Batch, at: number): void {
  const strikes = Object.entries(state.strikes);
  if (strikes.length > 0) {
    const delivered = new Set(batch.entries.map(({ key }) => key.toString()));
    state.strikes = Object.fromEntries(strikes.filter(([key]) => !delivered.has(key)));
  }
  if (batch.cursor !== null) state.partial = [];
  for (const key of batch.partial) state.partial.push(key);
  state.cursor = batch.cursor ?? state.cursor;
  if (batch.last_event !== null) state.last_event = new Date(batch.last_event).toISOString();
  if (batch.forget_before !== null) {
    state.seen.forgetBefore(batch.forget_before);
    // What is forgotten must not be looked for again: a longer overlap would find all of it new.
    const forgotten = formatSecond(batch.forget_before);
    // A start after the cursor was written while the clock was ahead: ids before it would not be known again.
    if (forgotten > state.start || startsAfterCursor(state)) state.start = forgotten;
  }
  addLateness(state.late, batch.late);
  state.oversize += batch.oversize;
  state.rejected += batch.rejected;
  state.found_missing += batch.found_missing;
  if (batch.gap !== null) state.last_error = `${new Date(at).toISOString()} ${batch.gap}`;
}

/** What an event is known by: its identity, or a hash of its bytes. */
export function keyOf({ id, json, start, end }: EventSlice): EventId {
  return id ?? EventId.ofHash(json.subarray(start, end));
}

/**
 * When the event happened, in epoch seconds; where it does not say, or says something that the server's choice
 * contradicts, the last second of the window that it came from.
 */
export function secondOf({ time }: EventSlice, { between }: Page): number {
  const seconds = time === undefined ? NaN : Math.floor(time / 1000);
  if (between === undefined) return Number.isNaN(seconds) ? 0 : seconds;
  return seconds >= between.from && seconds < between.to ? seconds : between.to - 1;
}
