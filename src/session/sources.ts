import { MAX_CLOCK_SKEW_MS } from '../lib/clock.ts';
import { forEachConcurrent } from '../lib/concurrency.ts';
import { formatDuration, formatSecond, parseInstant } from '../lib/duration.ts';
import type { AppError } from '../lib/errors.ts';
import { Stopped } from '../lib/run.ts';
import { counted, listed } from '../lib/words.ts';
import { NAME } from '../config/commands.ts';
import type { Source } from '../providers/provider.ts';
import { concernsAll } from './failures.ts';
import type { Session } from './session.ts';
import { newSource, stateOf, type State } from '../state/state.ts';

/** The parts of a session that decide where a source starts. */
interface Beginning extends Pick<Session, 'now' | 'announce'> {
  readonly api: Pick<Session['api'], 'clockSkewMs'>;
  readonly config: Pick<Session['config'], 'since' | 'peek' | 'stateFile'>;
  readonly store: Pick<Session['store'], 'state' | 'register'>;
}

/** At most this many sources are named; the rest are counted. */
const MOST_NAMED = 3;
/** A new state got its start a little earlier, when the run started. */
const SAME_MS = 60_000;

/**
 * Gives sources that were never polled their start, and reports it, since older events are not collected. True when
 * there was one.
 */
export function registerNew(sources: readonly Source[], { api, config, announce, store, now }: Beginning): boolean {
  const { state } = store;
  const isNew = sources.filter(({ name }) => !Object.hasOwn(state.sources, name));
  if (isNew.length === 0) return false;
  const lastRun = state.last_run === null ? undefined : parseInstant(state.last_run);
  // With a clock that is ahead, events until that time would be missed.
  const skew = api.clockSkewMs ?? 0;
  const since = config.since(now() - (skew > MAX_CLOCK_SKEW_MS ? skew : 0));
  // The Python fetcher's state says what it has printed. Otherwise the source is new, or an earlier run did not get to
  // it: start no later than when the sources were last listed.
  const attempts = Object.values(state.sources).flatMap(({ last_attempt }) => last_attempt ?? []);
  const lastSeen = attempts.length > 0 ? parseInstant(attempts.reduce((a, b) => (a > b ? a : b))) : lastRun;
  const start = state.taken_over === true ? (lastRun ?? since) : Math.min(lastSeen ?? since, since);
  delete state.taken_over;
  const cursor = formatSecond(start / 1000);
  for (const { name } of isNew) store.register(name, newSource(cursor));
  // With --peek, there are no cursors.
  if (config.peek) return true;
  const age = formatDuration(now() - start);
  const why = Math.abs(since - start) < SAME_MS ? `--since ${age}` : `${age} ago`;
  const where = `in ${config.stateFile}: beginning at ${cursor} (${why}); for older events: redeliver or export --from`;
  const names = isNew.map(({ name }) => name);
  for (const name of names.slice(0, MOST_NAMED)) announce(`no cursor for ${name} ${where}`);
  if (names.length > MOST_NAMED) {
    announce(`no cursor for ${counted(names.length - MOST_NAMED, 'more source')} ${where}`);
  }
  return true;
}

/** Notes in the state which of its sources the token no longer sees. Returns a warning; undefined when it sees all. */
export function noteUnseen(
  sources: readonly Source[],
  { config, store, now }: Pick<Session, 'config' | 'store' | 'now'>,
): string | undefined {
  const isSeen = new Set(sources.map(({ name }) => name));
  const ours = `${config.provider.name}/`;
  const unseen = Object.keys(store.state.sources).filter((name) => name.startsWith(ours) && !isSeen.has(name));
  // With --contract, the others are not asked for.
  if (config.contracts.length > 0 || unseen.length === 0) return undefined;
  // For `status`, until a poll of them succeeds.
  const noted = `${new Date(now()).toISOString()} the token no longer sees it; retire it with: ${NAME} forget`;
  for (const name of unseen) stateOf(name, store.state).last_error = `${noted} ${name}`;
  const named = unseen.length === 1 ? unseen.join('') : 'SOURCE';
  return (
    `the token no longer sees ${listed(unseen, MOST_NAMED)}: nothing is collected from there. ` +
    `Give the token access again, or retire it with: ${NAME} forget ${named}`
  );
}

/** Sources whose last poll is the longest ago come first, so that a deadline does not always cut off the same ones. */
export function leastRecentFirst(sources: readonly Source[], state: State, now: number): Source[] {
  const present = new Date(now).toISOString();
  const lastAttempt = (source: Source) => {
    const { last_attempt: last } = stateOf(source.name, state);
    // A time in the future was written while the clock was wrong, and would keep the source last until then.
    return last === null || last > present ? '' : last;
  };
  return sources.toSorted((a, b) => (lastAttempt(a) < lastAttempt(b) ? -1 : lastAttempt(a) > lastAttempt(b) ? 1 : 0));
}

/** How work on all sources ended. */
interface Ended {
  /** How many failed, and how many were stopped. */
  readonly failed: number;
  readonly interrupted: number;
  /** What affects all of them, and ended the run. */
  readonly fatal: AppError | undefined;
}

/** Works on each source, `concurrency` at a time. The failure of one, which `onFailure` gets, does not affect the others. */
export async function forEachSource(
  sources: readonly Source[],
  { config, run }: Pick<Session, 'config' | 'run'>,
  work: (source: Source) => Promise<void>,
  onFailure: (source: Source, error: unknown) => void,
): Promise<Ended> {
  let failed = 0;
  let interrupted = 0;
  let fatal: AppError | undefined;
  await forEachConcurrent(sources, config.concurrency, async (source) => {
    try {
      await work(source);
    } catch (error) {
      if (error instanceof Stopped) interrupted++;
      else if (concernsAll(error)) run.abort((fatal ??= error));
      else {
        failed++;
        onFailure(source, error);
      }
    }
  });
  return { failed, interrupted, fatal };
}
