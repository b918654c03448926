import { addLateness, emptyBatch, isKnownById, type Batch, type Entry, type Outcome } from './batch.ts';
import { formatSecond, parseInstant } from '../lib/duration.ts';
import type { EventSlice } from '../events/event.ts';
import { EventId } from '../events/event-id.ts';
import type { Checkpoint, Page } from '../providers/provider.ts';
import type { SourceState } from './state.ts';

/** How far a source got in this run: selects what is new in a page, and says what to commit. */
export class SourceProgress {
  readonly name: string;
  readonly state: SourceState;
  /** Of this run; 0 when no event came late. */
  greatestLateness = 0;
  /** How many events of this run had a known id, but other bytes. */
  #altered = 0;
  /** Keys of events without an id that the last run delivered of the page at the cursor, each with its number. */
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

  /** What the page has besides events and was not set aside before. */
  takeRejected({ rejected = [] }: Page): EventSlice[] {
    return rejected.filter(({ id }) => id !== undefined && this.state.seen.note(id) !== 'known');
  }

  /** A warning for the end of the run when events came with the id of another event; undefined when none did. */
  get alteredWarning(): string | undefined {
    if (this.#altered === 0) return undefined;
    const came = this.#altered === 1 ? '1 event came' : `${this.#altered} events came`;
    return `${this.name}: ${came} with the id of another event but different content; all of them were printed`;
  }

  #isDelivered(event: EventSlice): boolean {
    if (this.#partial.size === 0) return false;
    const key = keyOf(event).toString();
    const left = this.#partial.get(key) ?? 0;
    this.#partial.set(key, left - 1);
    return left > 0;
  }

  /** What to commit once these events are delivered or left out. `isEnd`: the page is done then. */
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

/** By how many seconds the event is late. A time outside the server's own span is ignored. */
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
  if (isKnownById(kind)) state.seen.add(key, keepUntil);
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
    // What is forgotten must not be asked for again: with a longer overlap, all of it would seem new.
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

/** The event's id, or a hash of its bytes. */
export function keyOf({ id, json, start, end }: EventSlice): EventId {
  return id ?? EventId.ofHash(json.subarray(start, end));
}

/**
 * When the event happened, in epoch seconds. When it has no time, or one outside the window that it came from, the last
 * second of that window.
 */
export function secondOf({ time }: EventSlice, { between }: Page): number {
  const seconds = time === undefined ? NaN : Math.floor(time / 1000);
  if (between === undefined) return Number.isNaN(seconds) ? 0 : seconds;
  return seconds >= between.from && seconds < between.to ? seconds : between.to - 1;
}
