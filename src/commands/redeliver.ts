import type { Config } from '../config/config.ts';
import { readPastRange } from '../config/past-range.ts';
import type { Options } from '../config/settings.ts';
import { formatSecond, type TimeSpan } from '../lib/duration.ts';
import { ConfigError, ExitCode } from '../lib/errors.ts';
import { createLog } from '../lib/log.ts';
import { counted, listed } from '../lib/words.ts';
import type { World } from '../lib/world.ts';
import type { Finding } from '../verify/report.ts';
import { openStore } from '../session/open-store.ts';
import { HOUR_S, hourOf } from '../state/hour-counts.ts';
import { stateOf, type Redelivery, type State } from '../state/state.ts';

/** At most this many sources are named; the rest are counted. */
const MOST_NAMED = 3;

/**
 * Queues a range in the state, under the lock: the next polls print it again, after what is new. With --cancel, it
 * empties the queue. Throws ConfigError for a range that makes no sense, LockedError while a poll is running.
 */
export async function redeliver(config: Config, world: World, options: Options): Promise<ExitCode> {
  const log = createLog({ ...world.log, level: config.logLevel });
  const now = world.now();
  const isCancel = options['cancel'] === true;
  const added = isCancel ? ['from', 'to', 'missing'].find((name) => options[name] !== undefined) : undefined;
  if (added !== undefined) throw new ConfigError(`--cancel empties the queue: use it without --${added}`);
  const range = isCancel ? undefined : readPastRange(options, now, 'redeliver');
  const store = await openStore(config, world, log);
  try {
    const { state } = store;
    let done: string;
    if (range === undefined) {
      const names = config.contracts.length > 0 ? sourcesOf(config, state) : undefined;
      const others = state.redeliver.filter(({ source }) => names?.includes(source) === false);
      const rest = others.length === 0 ? '' : `; ${counted(others.length, 'range')} of other contracts still queued`;
      done = `${counted(state.redeliver.length - others.length, 'range')} cancelled${rest}`;
      state.redeliver = others;
    } else {
      const { ranges, warning } = toQueue(sourcesOf(config, state), range, options['missing'] === true, state);
      if (warning !== undefined) log.warn(warning);
      state.redeliver.push(...ranges);
      const begin = ranges.reduce((earliest, { from }) => Math.min(earliest, from), range.to);
      const span = `${formatSecond(begin)} to ${formatSecond(range.to)}`;
      done = `${span} of ${counted(ranges.length, 'source')} is queued: the next runs deliver it after what is new`;
    }
    await store.flush();
    log.info(done);
  } finally {
    await store.close();
  }
  return ExitCode.Done;
}

/**
 * Queues what verify found: the hours in which something is missing, for which the journal says what to deliver, and for
 * each hour the time from the first to the last event that did not arrive. Throws LockedError while a poll is running.
 */
export async function queueFound(findings: readonly Finding[], config: Config, world: World): Promise<void> {
  const log = createLog({ ...world.log, level: config.logLevel });
  const store = await openStore(config, world, log);
  try {
    const ranges = new Map<string, Redelivery>();
    for (const { source, time, kind } of findings) {
      const second = Date.parse(time) / 1000;
      const hour = hourOf(second);
      const isMissing = kind === 'missing';
      const span = isMissing ? { from: hour, to: hour + HOUR_S } : { from: second, to: second + 1 };
      const known = ranges.get(`${source} ${hour} ${kind}`) ?? queued(source, span, isMissing, store.state);
      const from = Math.min(known.from, span.from);
      ranges.set(`${source} ${hour} ${kind}`, { ...known, from, to: Math.max(known.to, span.to) });
    }
    store.state.redeliver.push(...ranges.values());
    await store.flush();
    log.info(`${counted(ranges.size, 'range')} queued: the next runs deliver what is missing`);
  } finally {
    await store.close();
  }
}

/**
 * The range for each source, and a warning where the journal begins later. What is missing before that is unknown: throws
 * ConfigError when nothing is left.
 */
function toQueue(
  names: readonly string[],
  { from, to }: TimeSpan,
  isMissing: boolean,
  state: State,
): { ranges: Redelivery[]; warning?: string } {
  const early: string[] = [];
  const ranges: Redelivery[] = [];
  for (const source of names) {
    const begin = stateOf(source, state).journal_from;
    if (from < begin) early.push(`${formatSecond(begin)} for ${source}`);
    const span = { from: isMissing ? Math.max(from, begin) : from, to };
    if (span.from < to) ranges.push(queued(source, span, isMissing, state));
  }
  if (early.length === 0) return { ranges };
  const unknown = `the journal begins at ${listed(early, MOST_NAMED)}: it does not know what was delivered before`;
  if (ranges.length === 0) throw new ConfigError(`--missing: ${unknown}; without --missing, all of it is delivered`);
  const what = isMissing ? 'only what is missing since then' : 'all of that';
  return { ranges, warning: `${unknown}, so ${what} is delivered` };
}

function queued(source: string, { from, to }: TimeSpan, missing: boolean, { journal }: State): Redelivery {
  return { source, from, to, missing, since_seq: journal.seq };
}

function sourcesOf({ contracts, provider, stateFile }: Config, { sources }: State): string[] {
  const known = Object.keys(sources);
  if (known.length === 0) throw new ConfigError(`the state file ${stateFile} has no sources yet: run a poll first`);
  if (contracts.length === 0) return known;
  return contracts.map((contract) => {
    const name = `${provider.name}/${contract}`;
    if (!Object.hasOwn(sources, name)) {
      throw new ConfigError(`--contract: the state file has no ${name} (it has: ${known.join(', ')})`);
    }
    return name;
  });
}
