import { hostname } from 'node:os';
import type { Clock } from '../lib/clock.ts';
import { StdoutError, messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Run } from '../lib/run.ts';
import { append, type Batch } from '../state/batch.ts';
import type { Store } from '../state/store.ts';
import { isSameLife, type FluentBit, type InputCounter } from './fluent-bit-counter.ts';
import { counted } from '../lib/words.ts';

/** After printing for this long, wait for the acknowledgement before printing more. */
const PRINT_MS = 1_000;
export const LOOK_MS = 100;

/** Decides when what was printed is delivered, and commits it. */
export interface Acknowledgement {
  /** Called before more is printed. Throws StdoutError when what was printed before is not taken. */
  makeRoom(isSuspect: boolean): Promise<void>;
  /** Notes that these events of a source were printed, as this many lines. */
  printed(source: string, batch: Batch, lines: number): void;
  /** Waits until the last lines are acknowledged. False when they were not: the next run checks again. */
  settle(): Promise<boolean>;
  /** How long the run has waited for Fluent Bit, in milliseconds. */
  readonly waitedMs: number;
}

/** Without Fluent Bit's counter, what the pipe took counts as delivered. */
export function printedIsDelivered(store: Pick<Store, 'commit'>): Acknowledgement {
  return {
    makeRoom: () => Promise.resolve(),
    printed: (source, batch) => store.commit(source, batch),
    settle: () => Promise.resolve(true),
    waitedMs: 0,
  };
}

export interface AcknowledgementOptions {
  readonly fluentBit: Pick<FluentBit, 'counter'>;
  /** The input's name in Fluent Bit. */
  readonly input: string;
  readonly store: Store;
  readonly run: Run;
  readonly log: Log;
  readonly clock: Clock;
  /** Fluent Bit refreshes its figures once a second. When they do not change for this long, nothing more is coming. */
  readonly patienceMs: number;
}

/** Delivered is what Fluent Bit counts: all that was printed when its counter matches exactly, otherwise nothing. */
export class CountedAcknowledgement implements Acknowledgement {
  readonly #options: AcknowledgementOptions;
  readonly #startedAt: number;
  #base: number;
  #lines = 0;
  #since = 0;
  #isSuspect = false;
  #batches = new Map<string, Batch>();
  #hasFailed = false;
  waitedMs = 0;
  #uptime: number;

  constructor(options: AcknowledgementOptions, { records, startedAt, uptime }: InputCounter) {
    this.#options = options;
    this.#uptime = uptime;
    this.#base = records;
    this.#startedAt = startedAt;
  }

  async makeRoom(isSuspect: boolean): Promise<void> {
    const isDue = isSuspect || this.#isSuspect || this.#options.clock.monotonic() - this.#since >= PRINT_MS;
    if (this.#lines > 0 && isDue && !(await this.settle())) {
      throw new StdoutError('Fluent Bit does not take what is printed');
    }
    this.#isSuspect = isSuspect;
  }

  printed(source: string, batch: Batch, lines: number): void {
    if (this.#lines === 0) this.#since = this.#options.clock.monotonic();
    this.#lines += lines;
    const waiting = this.#batches.get(source);
    if (waiting !== undefined) append(waiting, batch);
    else if (this.#lines > 0) this.#batches.set(source, batch);
    else this.#options.store.commit(source, batch);
  }

  async settle(): Promise<boolean> {
    if (this.#hasFailed) return false;
    if (this.#lines === 0) return true;
    const begun = this.#options.clock.monotonic();
    const isCounted = await this.#isCounted();
    this.waitedMs += this.#options.clock.monotonic() - begun;
    if (isCounted) {
      for (const [source, batch] of this.#batches) this.#options.store.commit(source, batch);
      this.#batches = new Map();
      this.#base += this.#lines;
      this.#lines = 0;
      return true;
    }
    this.#hasFailed = true;
    this.#options.store.state.pending = {
      host: hostname(),
      base: this.#base,
      lines: this.#lines,
      started_at: this.#startedAt,
      printed_until: Math.max(this.#uptime, Math.floor(this.#options.clock.now() / 1000) - this.#startedAt),
      sources: Object.fromEntries(this.#batches),
    };
    return false;
  }

  /**
   * Whether Fluent Bit has counted what was printed. Only an exact match counts: a later line must not hide one that
   * was dropped.
   */
  async #isCounted(): Promise<boolean> {
    const { fluentBit, run, log, clock, patienceMs } = this.#options;
    let last: number | undefined;
    let changedAt = clock.monotonic();
    while (clock.monotonic() - changedAt < patienceMs && !run.giveUp.aborted) {
      try {
        const { records, startedAt, uptime } = await fluentBit.counter(run.giveUp);
        if (!isSameLife(startedAt, this.#startedAt) || records < this.#base) {
          log.warn('Fluent Bit restarted during the run');
          return false;
        }
        this.#uptime = uptime;
        if (records - this.#base === this.#lines) return true;
        if (records !== last) changedAt = clock.monotonic();
        last = records;
      } catch (error) {
        log.debug(`Fluent Bit's counter cannot be read: ${messageOf(error)}`);
      }
      await clock.pause(LOOK_MS, run.giveUp).catch(() => undefined); // the loop checks giveUp itself
    }
    const taken = last === undefined ? 'an unknown number' : String(last - this.#base);
    log.warn(
      `Fluent Bit has counted ${taken} of the last ${counted(this.#lines, 'line')}; the next run will check again`,
    );
    return false;
  }
}
