import { EventIdMap } from '../events/event-id-map.ts';
import { formatSecond, type TimeSpan } from '../lib/duration.ts';
import { counted } from '../lib/words.ts';
import { Stopped } from '../lib/run.ts';
import type { Page, Source } from '../providers/provider.ts';
import { HOUR_S, hourOf } from '../state/hour-counts.ts';
import { journalledIds, type JournalledIds, type SourceRange } from '../state/journalled-ids.ts';
import { secondOf } from '../state/source-progress.ts';
import { RangeProgress, type RangeReason } from '../state/range-progress.ts';
import { startOf, stateOf, type SourceState } from '../state/state.ts';
import { differingSpans } from './differing-spans.ts';
import { concernsAll, withAdvice } from './failures.ts';
import type { Session } from './session.ts';

/**
 * The journal has an event without a time under the end of the window that it came from. Except after an outage, that
 * is at most this much later.
 */
const UNDATED_S = 24 * HOUR_S;

/**
 * In the time that the run has left after what is new, delivers what was queued with `redeliver`, then compares the
 * hours that have reached a sweep's age with the API's counts and delivers what is missing. False when Fluent Bit did
 * not take it.
 */
export async function deliverPast(session: Session, sources: readonly Source[]): Promise<boolean> {
  const { store, log } = session;
  if (store.journalFolder === undefined) return true;
  try {
    return (await redeliver(session, sources)) && (await sweep(session, sources));
  } catch (error) {
    if (error instanceof Stopped) {
      log.debug(`${error.message}: the next run does the rest of the past ranges`);
      return await session.acknowledgement.settle();
    }
    await store.flush();
    throw error;
  }
}

async function redeliver(session: Session, sources: readonly Source[]): Promise<boolean> {
  const { log, store } = session;
  for (const queued of [...store.state.redeliver]) {
    const source = sources.find(({ name }) => name === queued.source);
    if (source === undefined) continue;
    const printed = session.delivery.events;
    try {
      const isDone = await deliverRange(session, source, queued, queued.missing ? 'missing' : 'redeliver', (until) => {
        queued.from = Math.max(queued.from, until);
      });
      log.info(`${source.name}: ${counted(session.delivery.events - printed, 'event')} redelivered`);
      if (!isDone) return false;
    } catch (error) {
      warnOrThrow(error, session, `${source.name}: redelivering from ${formatSecond(queued.from)} failed`);
      continue;
    }
    store.state.redeliver = store.state.redeliver.filter((one) => one !== queued);
    await store.flush();
  }
  return true;
}

async function sweep(session: Session, sources: readonly Source[]): Promise<boolean> {
  const { config, log, now, provider, store } = session;
  const present = Math.floor((now() - Math.max(0, session.api.clockSkewMs ?? 0)) / 1000);
  const longest = Math.max(0, ...config.sweepAgesMs) / 1000;
  const ages = provider.count === undefined ? [] : config.sweepAgesMs;
  for (const source of sources) {
    const state = stateOf(source.name, store.state);
    state.hours.forgetBefore(present - longest - 48 * HOUR_S);
    for (const ageMs of ages) {
      const age = ageMs / 1000;
      const due = dueRange(state, age, present);
      if (due === undefined) continue;
      try {
        for (const range of await differingSpans(session, source, due, state.hours)) {
          const printed = session.delivery.events;
          if (!(await deliverRange(session, source, { source: source.name, ...range }, 'sweep'))) return false;
          const found = session.delivery.events - printed;
          const span = `between ${formatSecond(range.from)} and ${formatSecond(range.to)}`;
          if (found > 0)
            log.warn(`${source.name}: a sweep found ${counted(found, 'event')} missing ${span}; delivered now`);
          // The deadline may come before the next one is read.
          state.swept[age] = range.to;
        }
      } catch (error) {
        warnOrThrow(error, session, `${source.name}: the sweep failed`);
        break;
      }
      state.swept[age] = due.to;
      state.last_sweep = new Date(now()).toISOString();
    }
  }
  return true;
}

/** Warns of the failure of one range, which does not affect the others. Throws what ends the run. */
function warnOrThrow(error: unknown, { config, log, run }: Session, what: string): void {
  if (error instanceof Stopped || run.signal.aborted || concernsAll(error)) throw error;
  log.warn(`${what}; the next run will retry: ${withAdvice(error, config.apiUrl.host)}`);
}

/** The hours that have reached the age since the last sweep, but none that were older before the first one. */
function dueRange(state: SourceState, age: number, present: number): TimeSpan | undefined {
  // Each poll still reads what the overlap covers.
  const to = Math.min(hourOf(present - age), hourOf(startOf(state)));
  const from = (state.swept[age] ??= Math.max(state.journal_from, hourOf(present - age)));
  return from < to ? { from, to } : undefined;
}

/** Reads a range and delivers what is wanted of it. `onDone` is called with how far it is finished (epoch seconds). */
async function deliverRange(
  { acknowledgement, delivery, now, provider, run, store }: Session,
  source: Source,
  range: SourceRange,
  reason: RangeReason,
  onDone: (until: number) => void = () => undefined,
): Promise<boolean> {
  const folder = store.journalFolder;
  if (folder === undefined) return true;
  await store.flush();
  const usual = { ...range, to: range.to + UNDATED_S };
  const journalled = await journalledIds(folder, usual);
  const state = stateOf(source.name, store.state);
  const lateBefore = Math.floor((Date.parse(state.cursor) || now()) / 1000);
  const progress = new RangeProgress(source.name, state, { reason, journalled, lateBefore });
  const checkpoint = { cursor: formatSecond(range.from), start: range.from, end: range.to, isolatesBadEvents: true };
  for await (const page of provider.pages(source, checkpoint, run.signal)) {
    const undated = undatedOf(page, journalled);
    if (undated.size > 0) await journalledIds(folder, { ...usual, from: usual.to, to: Infinity }, journalled, undated);
    await delivery.deliver(source, progress, page);
    if (page.events.length > 0) continue;
    if (!(await acknowledgement.settle())) return false;
    const until = Date.parse(page.cursor);
    if (!Number.isNaN(until)) onDone(until / 1000);
  }
  return acknowledgement.settle();
}

/** The ids of events that the journal may have under a later second than usual. */
function undatedOf(page: Page, journalled: JournalledIds): EventIdMap {
  const ids = new EventIdMap();
  for (const event of page.events) {
    const isDated = event.time !== undefined && Math.floor(event.time / 1000) === secondOf(event, page);
    if (!isDated && event.id !== undefined && !journalled.has(event.id)) ids.add(event.id, 0);
  }
  return ids;
}
