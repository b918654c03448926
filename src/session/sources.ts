import { MAX_CLOCK_SKEW_MS } from '../lib/clock.ts';
import { formatSecond, parseInstant } from '../lib/duration.ts';
import type { Source } from '../providers/provider.ts';
import type { Session } from './session.ts';
import { newSource, stateOf, type State } from '../state/state.ts';

/** What it needs of a session to know where a source begins. */
export interface Beginning extends Pick<Session, 'now'> {
  readonly api: Pick<Session['api'], 'clockLeadMs'>;
  readonly config: Pick<Session['config'], 'since'>;
  readonly store: Pick<Session['store'], 'state' | 'register'>;
}

/** Gives sources that were never polled a place to begin, once and for all. True when there was one. */
export function registerNew(sources: readonly Source[], { api, config, store, now }: Beginning): boolean {
  const { state } = store;
  const isNew = sources.filter(({ name }) => !Object.hasOwn(state.sources, name));
  if (isNew.length === 0) return false;
  const lastRun = state.last_run === null ? undefined : parseInstant(state.last_run);
  // A clock that is ahead would leave out what happens until it is right.
  const lead = api.clockLeadMs ?? 0;
  const since = config.since(now() - (lead > MAX_CLOCK_SKEW_MS ? lead : 0));
  // What the Python fetcher left is its word on what it printed. Otherwise a source that appears late is a new one,
  // or the first run did not get this far: what came up since the sources were listed last is looked for, too.
  const listed = Object.values(state.sources).flatMap(({ last_attempt }) => last_attempt ?? []);
  const lastSeen = listed.length > 0 ? parseInstant(listed.reduce((a, b) => (a > b ? a : b))) : lastRun;
  const start = state.taken_over === true ? (lastRun ?? since) : Math.min(lastSeen ?? since, since);
  delete state.taken_over;
  const cursor = formatSecond(Math.floor(start / 1000));
  for (const { name } of isNew) store.register(name, newSource(cursor));
  return true;
}

/** The source whose last poll is the longest ago comes first, so that a deadline does not always cut off the same. */
export function leastRecentFirst(sources: readonly Source[], state: State, now: number): Source[] {
  const present = new Date(now).toISOString();
  const lastAttempt = (source: Source) => {
    const { last_attempt: last } = stateOf(source.name, state);
    // One in the future was written while the clock was wrong; the source would be the last for as long.
    return last === null || last > present ? '' : last;
  };
  return sources.toSorted((a, b) => (lastAttempt(a) < lastAttempt(b) ? -1 : lastAttempt(a) > lastAttempt(b) ? 1 : 0));
}
