import type { Acknowledgement } from './acknowledgement.ts';
import { toLines, type EventSlice } from '../events/event.ts';
import type { Outlet } from './outlet.ts';
import { portions, refusalsOf } from './refusals.ts';
import type { LineBuilder } from './line-builder.ts';
import type { Page, Source } from '../providers/provider.ts';
import { ReusableMemory } from '../lib/reusable-memory.ts';
import type { Run } from '../lib/run.ts';
import type { SourceProgress } from '../state/source-progress.ts';
import type { Store } from '../state/store.ts';
import type { TypeFilter } from './type-filter.ts';

const LF = 0x0a;

/** What is new in the pages of a source, and what to commit once it is delivered. */
type Progress = Pick<SourceProgress, 'name' | 'state' | 'take' | 'takeRejected' | 'batch'>;

export interface DeliveryOptions {
  readonly outlet: Pick<Outlet, 'print'>;
  readonly lineBuilder: Pick<LineBuilder, 'build' | 'reject'>;
  readonly acknowledgement: Acknowledgement;
  readonly store: Pick<Store, 'catchUp'>;
  readonly run: Run;
  /** Events that it does not keep are noted and not printed; by default, all are printed. */
  readonly filter?: Pick<TypeFilter, 'keeps'>;
}

/** Delivers the pages of all sources one after the other, as there is one stdout: printed, acknowledged, then saved. */
export class Delivery {
  readonly #options: DeliveryOptions;
  #last: Promise<unknown> = Promise.resolve();
  /** Used for the lines of every page: once they are printed, stdout no longer needs them. */
  #memory = new ReusableMemory();
  /** Events printed in this run, and the bytes of their lines. */
  events = 0;
  bytes = 0;
  /** New events of this run that the filter left out. */
  excluded = 0;
  /** Pages delivered in this run, including those with nothing new. */
  pages = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /**
   * Prints the new events of a page when its turn has come. Throws the run's reason when it was stopped before all of
   * them were printed, StdoutError when stdout is closed or Fluent Bit does not take what is printed.
   */
  async deliver(source: Source, progress: Progress, page: Page): Promise<void> {
    const turn = this.#last.then(() => this.#deliver(source, progress, page));
    this.#last = turn.catch(() => undefined);
    await turn;
  }

  async #deliver(source: Source, progress: Progress, page: Page): Promise<void> {
    const { acknowledgement, filter, run } = this.#options;
    run.signal.throwIfAborted();
    this.pages++;
    const rejected = progress.takeRejected(page);
    if (rejected.length > 0) {
      await this.#options.lineBuilder.reject(rejected, source);
      const batch = progress.batch(page, rejected, false, 'set_aside');
      acknowledgement.printed(progress.name, { ...batch, rejected: rejected.length }, 0);
    }
    const taken = progress.take(page);
    const excluded = new Set(filter === undefined ? [] : taken.filter((event) => !filter.keeps(event)));
    const events = excluded.size === 0 ? taken : taken.filter((event) => !excluded.has(event));
    const isAll = events.length === 0;
    if (isAll || excluded.size > 0) {
      const batch = progress.batch(page, [...excluded], isAll, 'excluded');
      this.excluded += batch.entries.length;
      acknowledgement.printed(progress.name, batch, 0);
    }
    if (isAll) return;
    let done = 0;
    for (const portion of portions(events, progress.state)) {
      if (done > 0) run.signal.throwIfAborted();
      done += portion.length;
      await this.#print(source, progress, page, portion, done === events.length);
    }
  }

  async #print(
    source: Source,
    progress: Progress,
    page: Page,
    events: readonly EventSlice[],
    isEnd: boolean,
  ): Promise<void> {
    const { acknowledgement, outlet, lineBuilder, run, store } = this.#options;
    const [first] = events;
    await acknowledgement.makeRoom(first !== undefined && refusalsOf(first, progress.state) > 0);
    await store.catchUp();
    const built = await lineBuilder.build(events, source, progress.state);
    const lines = toLines(built.lines, this.#memory);
    const bytes = await outlet.print(lines, run.giveUp, run.wrapUp);
    const isWhole = bytes === lines.length;
    const count = isWhole ? built.lines.length : countLines(lines, bytes);
    const printed = isWhole ? events : events.slice(0, count);
    this.events += count;
    this.bytes += bytes;
    // Events that Fluent Bit has refused for good are a separate portion.
    const outcome = built.rejected > 0 ? 'set_aside' : 'delivered';
    const batch = progress.batch(page, printed, isWhole && isEnd, outcome);
    if (isWhole) Object.assign(batch, { oversize: built.oversize, rejected: built.rejected });
    acknowledgement.printed(progress.name, batch, count);
    if (isWhole) return;
    this.#memory = new ReusableMemory(); // stdout may still use the last one
    run.signal.throwIfAborted();
  }
}

function countLines(lines: Buffer, end: number): number {
  let count = 0;
  for (let p = lines.indexOf(LF); p >= 0 && p < end; p = lines.indexOf(LF, p + 1)) count++;
  return count;
}
