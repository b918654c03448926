import { hostname } from 'node:os';
import { append, type Batch } from '../state/batch.ts';
import { StdoutError, messageOf } from '../lib/errors.ts';
import { isSameLife, type FluentBit, type InputCounter } from './fluent-bit-counter.ts';
import type { Log } from '../lib/log.ts';
import type { Run } from '../lib/run.ts';
import { noteDelivered, type SourceProgress } from '../state/source-progress.ts';
import type { Pending } from '../state/state.ts';
import type { Store } from '../state/state-store.ts';
import { pause } from '../lib/wait.ts';

/** Output of this long is acknowledged before there is more of it. */
const PRINT_MS = 1_000;
/** Fluent Bit refreshes its figures once a second. When they stand still for this long, nothing more is coming. */
const PATIENCE_MS = 2_500;
const LOOK_MS = 100;
/** A run that ended so short a time ago may have lines on the way that are not counted yet. */
const RECENT_MS = 3_000;
const REFRESH_MS = 1_200;

/** Decides when what was printed is delivered, and tells the sources. */
export interface Acknowledgement {
  /** Before more is printed. Throws StdoutError when what was printed before is not taken. */
  makeRoom(isSuspect: boolean): Promise<void>;
  /** These events were printed, as so many lines. */
  printed(progress: SourceProgress, batch: Batch, lines: number): void;
  /** Waits for what was printed last. False when it was not acknowledged: the next run looks again. */
  settle(): Promise<boolean>;
  /** How long the run has waited for Fluent Bit, in milliseconds. */
  readonly waitedMs: number;
}

/** Without Fluent Bit's counter, what the pipe took is delivered. */
export const printedIsDelivered: Acknowledgement = {
  makeRoom: () => Promise.resolve(),
  printed: (progress, batch) => progress.delivered(batch),
  settle: () => Promise.resolve(true),
  waitedMs: 0,
};

export interface AcknowledgementOptions {
  readonly fluentBit: FluentBit;
  readonly store: Store;
  readonly run: Run;
  readonly log: Log;
  readonly now: () => number;
}

/** Why nothing is to be fetched now: the API keeps the events for the next run. */
export class NotNow extends Error {}

/**
 * Begins with what the last run left pending: commits it when Fluent Bit took it after all, else it is printed again.
 * Throws NotNow when Fluent Bit's input is paused, since it would drop what it is given, or when it has not counted
 * yet. When its counter cannot be had, it warns, and printed counts as delivered.
 */
export async function beginAcknowledgement(options: AcknowledgementOptions): Promise<Acknowledgement> {
  const { store, run, log } = options;
  const { pending } = store.state;
  let counter: InputCounter | undefined;
  try {
    counter = await settledCounter(options, pending);
  } catch (error) {
    run.signal.throwIfAborted();
    if (error instanceof NotNow) throw error;
    log.warn(`Fluent Bit's counter cannot be read, so what is printed counts as delivered: ${messageOf(error)}`);
  }
  if (pending !== null) await decide(pending, counter, store, log);
  return counter === undefined ? printedIsDelivered : new CountedAcknowledgement(options, counter);
}

/** A counter that the lines of earlier runs are in. */
async function settledCounter(options: AcknowledgementOptions, pending: Pending | null): Promise<InputCounter> {
  const { store, run, now } = options;
  if (now() - store.previousSave < RECENT_MS) await pause(REFRESH_MS, run.signal);
  for (const begun = now(); ;) {
    const counter = await firstCounter(options);
    if (counter.isPaused) {
      throw new NotNow('Fluent Bit takes nothing at present (its input is paused): nothing is fetched');
    }
    const { countedAt = Infinity, startedAt } = counter;
    const isSettled = pending === null || !isCountedBy(pending, startedAt) || countedAt > pending.printed_until;
    if (isSettled) return counter;
    if (now() - begun >= PATIENCE_MS) {
      throw new NotNow(
        'Fluent Bit has not counted the lines of the last run yet (is its input Threaded?): nothing is fetched',
      );
    }
    await pause(LOOK_MS, run.signal);
  }
}

/** Fluent Bit has figures a second after its start only, and without them the run would do without for good. */
async function firstCounter({ fluentBit, run, now }: AcknowledgementOptions): Promise<InputCounter> {
  for (const begun = now(); ;) {
    try {
      return await fluentBit.counter(run.signal);
    } catch (error) {
      if (now() - begun >= REFRESH_MS) throw error;
    }
    await pause(LOOK_MS, run.signal);
  }
}

/** Whether the lines went to the Fluent Bit whose life began then. */
function isCountedBy(pending: Pending, startedAt: number): boolean {
  return pending.host === hostname() && isSameLife(startedAt, pending.started_at);
}

/** Saved before anything is printed: what is printed from now on changes the counter that it was decided by. */
async function decide(pending: Pending, counter: InputCounter | undefined, store: Store, log: Log): Promise<void> {
  const isKnown = counter !== undefined && isCountedBy(pending, counter.startedAt);
  const grown = isKnown ? counter.records - pending.base : undefined;
  for (const [name, batch] of Object.entries(pending.sources)) {
    const source = store.state.sources[name];
    if (source === undefined) continue;
    if (grown === pending.lines) noteDelivered(source, batch);
    else if (grown !== undefined && grown < pending.lines) {
      for (const key of new Set(batch.keys.map(String))) source.strikes[key] = (source.strikes[key] ?? 0) + 1;
    }
  }
  const lines = `the last ${pending.lines} lines of the last run`;
  if (grown === pending.lines) log.info(`Fluent Bit has taken ${lines}`);
  else {
    const isOurs = pending.host === hostname() || pending.host === '';
    const unknown = isOurs ? 'it was restarted, or does not say' : `it is that of ${pending.host}`;
    const why = grown === undefined ? unknown : `it counts ${grown}`;
    log.warn(`Fluent Bit may not have taken ${lines} (${why}): they are printed again`);
  }
  store.state.pending = null;
  await store.flush();
}

/** Delivered is what Fluent Bit counts: an exact match of all that was printed, or nothing of it. */
class CountedAcknowledgement implements Acknowledgement {
  readonly #options: AcknowledgementOptions;
  readonly #startedAt: number;
  #base: number;
  #lines = 0;
  #since = 0;
  #isSuspect = false;
  #batches = new Map<SourceProgress, Batch>();
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
    const isDue = isSuspect || this.#isSuspect || this.#options.now() - this.#since >= PRINT_MS;
    if (this.#lines > 0 && isDue && !(await this.settle())) {
      throw new StdoutError('Fluent Bit does not take what is printed: this run ends, the next one goes on');
    }
    this.#isSuspect = isSuspect;
  }

  printed(progress: SourceProgress, batch: Batch, lines: number): void {
    if (this.#lines === 0) this.#since = this.#options.now();
    this.#lines += lines;
    const waiting = this.#batches.get(progress);
    if (waiting !== undefined) append(waiting, batch);
    else if (this.#lines > 0) this.#batches.set(progress, batch);
    else progress.delivered(batch);
  }

  async settle(): Promise<boolean> {
    if (this.#hasFailed) return false;
    if (this.#lines === 0) return true;
    const begun = this.#options.now();
    const isCounted = await this.#isCounted();
    this.waitedMs += this.#options.now() - begun;
    if (isCounted) {
      for (const [progress, batch] of this.#batches) progress.delivered(batch);
      this.#batches = new Map();
      this.#base += this.#lines;
      this.#lines = 0;
      this.#options.store.changed();
      return true;
    }
    this.#hasFailed = true;
    this.#options.store.state.pending = {
      host: hostname(),
      base: this.#base,
      lines: this.#lines,
      started_at: this.#startedAt,
      printed_until: Math.max(this.#uptime, Math.floor(this.#options.now() / 1000) - this.#startedAt),
      sources: Object.fromEntries([...this.#batches].map(([{ name }, batch]) => [name, batch])),
    };
    return false;
  }

  /**
   * Whether Fluent Bit's counter reaches what was printed. Only an exact match counts: a line that it dropped would
   * otherwise be made up for by a later one.
   */
  async #isCounted(): Promise<boolean> {
    const { fluentBit, run, log, now } = this.#options;
    let last: number | undefined;
    let changedAt = now();
    while (now() - changedAt < PATIENCE_MS && !run.giveUp.aborted) {
      try {
        const { records, startedAt, uptime } = await fluentBit.counter(run.giveUp);
        if (!isSameLife(startedAt, this.#startedAt) || records < this.#base) {
          log.warn('Fluent Bit was restarted during the run');
          return false;
        }
        this.#uptime = uptime;
        if (records - this.#base === this.#lines) return true;
        if (records !== last) changedAt = now();
        last = records;
      } catch (error) {
        log.debug(`Fluent Bit's counter cannot be read: ${messageOf(error)}`);
      }
      await pause(LOOK_MS, run.giveUp).catch(() => undefined); // the loop looks at giveUp itself
    }
    const taken = last === undefined ? 'an unknown number' : String(Math.max(0, last - this.#base));
    log.warn(`Fluent Bit counts ${taken} of the last ${this.#lines} lines: the next run looks again`);
    return false;
  }
}
