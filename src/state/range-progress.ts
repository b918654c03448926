import type { EventSlice } from '../events/event.ts';
import { EventIdMap } from '../events/event-id-map.ts';
import type { Page } from '../providers/provider.ts';
import { addLateness, emptyBatch, type Batch, type Outcome } from './batch.ts';
import { keyOf, secondOf } from './source-progress.ts';
import type { JournalledIds } from './journalled-ids.ts';
import type { SourceState } from './state.ts';

/** Why a past range is read again: a sweep compares it, or somebody asked for it. */
export type RangeReason = 'sweep' | 'missing' | 'redeliver';

/** Selects what is to be delivered of a past range. It moves no cursor. */
export class RangeProgress {
  readonly name: string;
  readonly state: SourceState;
  readonly #reason: RangeReason;
  readonly #journalled: JournalledIds;
  /** The API may return an event on two pages. */
  readonly #passed = new EventIdMap();
  /** Events from before this whole second are late. */
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

  /** None: the polls have set them aside. */
  takeRejected(): EventSlice[] {
    return [];
  }

  /** What to commit once these events are delivered or left out. Nothing for those that were known and are left out. */
  batch(page: Page, events: readonly EventSlice[], _isEnd: boolean, outcome: Outcome = 'delivered'): Batch {
    const batch = emptyBatch();
    for (const event of events) {
      const isMissing = this.#missing.has(event);
      if (!isMissing && outcome !== 'delivered') continue;
      const kind = event.id === undefined ? (`${outcome}_unnamed` as const) : outcome;
      const keepUntil = secondOf(event, page);
      batch.entries.push({ key: keyOf(event), keepUntil, kind: isMissing ? kind : 'redelivered' });
      if (!isMissing) continue;
      if (this.#reason === 'sweep' && outcome === 'delivered') batch.found_missing++;
      const lateness = this.#lateBefore - keepUntil;
      // What is from before the journal may have been delivered in time.
      if (lateness > 0 && keepUntil >= this.state.journal_from)
        addLateness(batch.late, { count: 1, max_seconds: lateness });
    }
    return batch;
  }
}
