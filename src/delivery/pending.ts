import { hostname } from 'node:os';
import { NotTakenError, messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Pending } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import {
  CountedAcknowledgement,
  LOOK_MS,
  printedIsDelivered,
  type Acknowledgement,
  type AcknowledgementOptions,
} from './acknowledgement.ts';
import { isSameLife, type InputCounter } from './fluent-bit-counter.ts';
import { noteRefused } from './refusals.ts';
import { counted } from '../lib/words.ts';

/** The lines of a run that ended less than this ago may not be counted yet. */
const RECENT_MS = 3_000;
const REFRESH_MS = 1_200;

/** Why this run fetches nothing: the API retains the events for the next one. */
export class SkipRun extends Error {}

/**
 * Starts with what the last run left pending: commits it when Fluent Bit took it after all; otherwise it is printed
 * again. Throws SkipRun when Fluent Bit's input is paused, since it would drop lines, or has not counted yet, and
 * NotTakenError when its counter cannot be read.
 */
export async function beginAcknowledgement(options: AcknowledgementOptions): Promise<Acknowledgement> {
  const { store, run, log } = options;
  const { pending } = store.state;
  let counter: InputCounter;
  try {
    counter = await settledCounter(options, pending);
  } catch (error) {
    run.signal.throwIfAborted();
    if (error instanceof SkipRun) throw error;
    throw new NotTakenError(
      `cannot read Fluent Bit's counter: ${messageOf(error)}. Nothing was fetched, since it could not be checked that ` +
        `Fluent Bit takes it: set HTTP_Server On in its [SERVICE] section and Alias ${options.input} in the input, ` +
        'or correct --ack-url and --ack-input',
      error,
    );
  }
  if (pending !== null) await decide(pending, counter, store, log);
  return new CountedAcknowledgement(options, counter);
}

/** Acknowledgement without Fluent Bit's counter. What the last run left pending is printed again. */
export async function withoutCounter(store: Store, log: Log): Promise<Acknowledgement> {
  const { pending } = store.state;
  if (pending !== null) await printAgain(pending, '--ack-url is not set', store, log);
  return printedIsDelivered(store);
}

/** A counter that includes the lines of earlier runs. */
async function settledCounter(options: AcknowledgementOptions, pending: Pending | null): Promise<InputCounter> {
  const { store, run, clock, patienceMs } = options;
  const sinceSave = clock.now() - store.previousSave;
  // Negative when the clock was set back in between.
  if (sinceSave < RECENT_MS && sinceSave > -RECENT_MS) await clock.pause(REFRESH_MS, run.signal);
  for (const begun = clock.monotonic(); ;) {
    const counter = await firstCounter(options);
    if (counter.isPaused) {
      throw new SkipRun("Fluent Bit's input is paused; skipping this run");
    }
    const { countedAt = Infinity, startedAt } = counter;
    const isSettled = pending === null || !isCountedBy(pending, startedAt) || countedAt > pending.printed_until;
    if (isSettled) return counter;
    if (clock.monotonic() - begun >= patienceMs) {
      throw new SkipRun(
        'Fluent Bit has not counted the lines of the last run yet (is its input Threaded?); skipping this run',
      );
    }
    await clock.pause(LOOK_MS, run.signal);
  }
}

/** Fluent Bit has no figures in the first second after its start. */
async function firstCounter({ fluentBit, run, clock }: AcknowledgementOptions): Promise<InputCounter> {
  for (const begun = clock.monotonic(); ;) {
    try {
      return await fluentBit.counter(run.signal);
    } catch (error) {
      if (clock.monotonic() - begun >= REFRESH_MS) throw error;
    }
    await clock.pause(LOOK_MS, run.signal);
  }
}

/** Whether the lines went to the Fluent Bit that was started then. */
function isCountedBy(pending: Pending, startedAt: number): boolean {
  return pending.host === hostname() && isSameLife(startedAt, pending.started_at);
}

async function decide(pending: Pending, counter: InputCounter, store: Store, log: Log): Promise<void> {
  const grown = isCountedBy(pending, counter.startedAt) ? counter.records - pending.base : undefined;
  for (const [name, batch] of Object.entries(pending.sources)) {
    const source = store.state.sources[name];
    if (source === undefined) continue;
    if (grown === pending.lines) store.commit(name, batch);
    else if (grown !== undefined && grown < pending.lines) noteRefused(source, batch);
  }
  if (grown === pending.lines) {
    log.info(`Fluent Bit has taken ${linesOf(pending)}`);
    await settle(store);
  } else {
    const isOurs = pending.host === hostname() || pending.host === '';
    const unknown = isOurs ? 'it has restarted since' : `they were printed on ${pending.host}`;
    await printAgain(pending, grown === undefined ? unknown : `it has counted ${grown}`, store, log);
  }
}

async function printAgain(pending: Pending, why: string, store: Store, log: Log): Promise<void> {
  log.warn(`Fluent Bit may not have taken ${linesOf(pending)} (${why}): they are printed again`);
  await settle(store);
}

function linesOf({ lines }: Pending): string {
  return `the last ${counted(lines, 'line')} of the last run`;
}

/** Saves the decision before anything is printed, since printing changes the counter that it is based on. */
async function settle(store: Store): Promise<void> {
  store.state.pending = null;
  await store.flush();
}
