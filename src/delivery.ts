import { toLines, type EventSlice } from './event.ts';
import type { Outlet } from './outlet.ts';
import type { Run } from './run.ts';
import type { Store } from './state-store.ts';

const LF = 0x0a;

/** Called once events were delivered: the first `count` of the page, and when `isWhole` that is all of them. */
export type Receipt = (count: number, isWhole: boolean) => void;

/** Takes pages of all sources, one after the other: there is one stdout. Printed, then delivered, then saved. */
export class Delivery {
  readonly #outlet: Outlet;
  readonly #store: Pick<Store, 'changed' | 'catchUp'>;
  readonly #run: Run;
  #last: Promise<unknown> = Promise.resolve();
  /** Printed in this run. */
  events = 0;

  constructor(outlet: Outlet, store: Pick<Store, 'changed' | 'catchUp'>, run: Run) {
    this.#outlet = outlet;
    this.#store = store;
    this.#run = run;
  }

  /**
   * Prints the events of a page when their turn has come, and hands the receipt out once they are delivered. Throws
   * the run's reason when it was stopped before all of them were printed, StdoutError when stdout is closed.
   */
  async deliver(events: readonly EventSlice[], receipt: Receipt): Promise<void> {
    const turn = this.#last.then(() => this.#print(events, receipt));
    this.#last = turn.catch(() => undefined);
    await turn;
  }

  async #print(events: readonly EventSlice[], receipt: Receipt): Promise<void> {
    this.#run.signal.throwIfAborted();
    if (events.length === 0) {
      receipt(0, true);
      return;
    }
    await this.#store.catchUp();
    const lines = toLines(events);
    const bytes = await this.#outlet.print(lines, this.#run.giveUp);
    const isWhole = bytes === lines.length;
    const printed = isWhole ? events.length : countLines(lines, bytes);
    this.events += printed;
    receipt(printed, isWhole);
    this.#store.changed();
    if (!isWhole) this.#run.giveUp.throwIfAborted();
  }
}

function countLines(lines: Buffer, end: number): number {
  let count = 0;
  for (let p = lines.indexOf(LF); p >= 0 && p < end; p = lines.indexOf(LF, p + 1)) count++;
  return count;
}
