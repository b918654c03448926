import type { EventSlice } from '../events/event.ts';
import { EventIdMap } from '../events/event-id-map.ts';
import type { Page } from '../providers/provider.ts';
import { addLateness, emptyBatch, type Batch, type Outcome } from './batch.ts';
import { keyOf, secondOf } from './source-progress.ts';
import type { JournalledIds } from './journalled-ids.ts';
import type { SourceState } from './state.ts';

/** Why a range of the past is read again: a sweep compares it, or somebody wants it. */
export type RangeReason = 'sweep' | 'missing' | 'redeliver';

/** Selects what is to be delivered of a range of the past. It moves no cursor. */
export class RangeProgress {
  readonly name: string;
  readonly state: SourceState;
  readonly #reason: RangeReason;
  readonly #journalled: JournalledIds;
  /** The API may give an event on two pages. */
  readonly #passed = new EventIdMap();
  /** Events that came late are older than this second. */
  readonly #lateBefore: number;
  readonly #missing = new Set<EventSlice>();

  constructor(
    name: string,
    state: SourceState,
    { reason, journalled, lateBefore }: { reason: RangeReason; journalled: JournalledIds; lateBefore: number },
  ) {
    this.name = name;
    this.state = state;
    this.#reason = reason;
    this.#journalled = journalled;
    this.#lateBefore = lateBefore;
  }

  take(page: Page): EventSlice[] {
    this.#missing.clear();
    return page.events.filter((event) => {
      if (event.id !== undefined && this.#passed.add(event.id, 0) === 'known') return false;
      const key = keyOf(event);
      const isKnown = this.#journalled.takeDelivered(key, event.id !== undefined);
      if (!isKnown) this.#missing.add(event);
      if (this.#reason !== 'redeliver') return !isKnown;
      return !isKnown || !this.#journalled.takeRedelivered(key, event.id !== undefined);
    });
  }

  /** The polls have set these aside. */
  takeRejected(): EventSlice[] {
    return [];
  }

  /** What is to be noted once these events are delivered, or left out. What was known and is left out needs no note. */
  batch(page: Page, events: readonly EventSlice[], _isEnd: boolean, outcome: Outcome = 'delivered'): Batch {
    const batch = emptyBatch();
    for (const event of events) {
      const isMissing = this.#missing.has(event);
      if (!isMissing && outcome === 'excluded') continue;
      const kind = event.id === undefined ? (`${outcome}_unnamed` as const) : outcome;
      const keepUntil = secondOf(event, page);
      batch.entries.push({ key: keyOf(event), keepUntil, kind: isMissing ? kind : 'redelivered' });
      if (!isMissing) continue;
      if (this.#reason === 'sweep' && outcome === 'delivered') batch.found_missing++;
      const lateness = Math.ceil(this.#lateBefore - keepUntil);
      if (lateness > 0) addLateness(batch.late, { count: 1, max_seconds: lateness });
    }
    return batch;
  }
}
