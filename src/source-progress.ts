import type { Receipt } from './delivery.ts';
import type { EventSlice } from './event.ts';
import type { Checkpoint, Page } from './providers/provider.ts';
import type { SourceState } from './state.ts';

/** How far a source got: chooses what is new in a page, and takes note of what was delivered. */
export class SourceProgress {
  readonly #state: SourceState;
  /** Of this run; 0 when no event came late. */
  greatestLateness = 0;

  constructor(state: SourceState) {
    this.#state = state;
  }

  get checkpoint(): Checkpoint {
    return { cursor: this.#state.cursor, start: Date.parse(this.#state.start) / 1000 };
  }

  /** The events of the page that were not printed before. */
  take(page: Page): EventSlice[] {
    const { seen } = this.#state;
    return page.events.filter((event) => {
      if (event.id === undefined) return true;
      if (seen.has(event.id)) return false;
      seen.addPrinted(event.id, memorableTime(event, page));
      return true;
    });
  }

  /** Takes note that these events of the page, as `take` chose them, were delivered. */
  receiptFor(page: Page, events: readonly EventSlice[]): Receipt {
    return (count, isWhole) => {
      const state = this.#state;
      for (const { id, time } of events.slice(0, count)) {
        if (id !== undefined) state.seen.markDelivered(id);
        this.#noteLateness(time, page.lateBefore);
      }
      state.delivered += count;
      if (!isWhole) return;
      state.cursor = page.cursor;
      if (page.forgetBefore !== undefined) state.seen.forgetBefore(page.forgetBefore);
    };
  }

  #noteLateness(time: number | undefined, lateBefore: number | undefined): void {
    if (time === undefined || lateBefore === undefined || time >= lateBefore * 1000) return;
    const { late } = this.#state;
    const seconds = Math.ceil(lateBefore - time / 1000);
    late.count++;
    late.max_seconds = Math.max(late.max_seconds, seconds);
    this.greatestLateness = Math.max(this.greatestLateness, seconds);
  }
}

/**
 * How long an identity is worth keeping: as long as its event's time lies inside the overlap. Where the event does
 * not say, or says something that the server's choice contradicts, the end of the time span that it came from.
 */
function memorableTime({ time }: EventSlice, { between }: Page): number {
  const seconds = time === undefined ? NaN : Math.floor(time / 1000);
  if (between === undefined) return Number.isNaN(seconds) ? 0 : seconds;
  return seconds >= between.from && seconds < between.to ? seconds : between.to;
}
