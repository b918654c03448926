import { SkipRun } from '../delivery/pending.ts';
import type { Config } from '../config/config.ts';
import { expiryWarning, readCredentials } from '../config/credentials.ts';
import { formatDuration, formatSecond } from '../lib/duration.ts';
import { AppError, ConfigError, ExitCode, StateError, messageOf, type ApiError } from '../lib/errors.ts';
import { createLog, type Log } from '../lib/log.ts';
import { Stopped } from '../lib/run.ts';
import { counted, grouped } from '../lib/words.ts';
import type { World } from '../lib/world.ts';
import type { Source } from '../providers/provider.ts';
import { explained, isUnauthorized, isWorthNoting, noteFailure, noteInAll, tooLate } from '../session/failures.ts';
import { deliverPast } from '../session/past-ranges.ts';
import { withSession, type Session } from '../session/session.ts';
import { forEachSource, leastRecentFirst, noteUnseen, registerNew } from '../session/sources.ts';
import { SourceProgress } from '../state/source-progress.ts';
import { stateOf } from '../state/state.ts';
import type { Store } from '../state/store.ts';

/** After the deadline, nothing more is fetched, but what was fetched is still printed and acknowledged. */
const MAX_OVERRUN_MS = 5_000;
/** Events later than this part of the overlap cause a warning. */
const LATENESS_WARNING = 0.8;

interface CollectOptions {
  /** Kept by the caller from poll to poll; by default, the state file is opened and closed. */
  readonly store?: Store;
  readonly adaptLog?: (log: Log) => Log;
}

export interface Outcome {
  readonly exitCode: ExitCode;
  /** False when the run was stopped first: there is more to fetch now. */
  readonly isComplete: boolean;
  /** The last request that failed, even if a retry succeeded. */
  readonly lastFailure?: AppError | undefined;
}

/**
 * One poll: lock, load, ask each source for what is new, print it, save how far it got, unlock. Throws AppError when
 * nothing could be collected at all, ConfigError when --since is in the future.
 */
export async function collect(config: Config, world: World, options: CollectOptions = {}): Promise<Outcome> {
  const since = config.since(world.now());
  if (since > world.now()) {
    throw new ConfigError(`${config.sinceName} (${formatSecond(since / 1000)}) is in the future`);
  }
  const credentials = readCredentials(config.provider, config.tokenFile, world.env);
  const plainLog = createLog({ ...world.log, level: config.logLevel, secrets: credentials.secrets });
  const log = options.adaptLog?.(plainLog) ?? plainLog;
  try {
    return await withSession(
      { config, credentials, log, world, keptStore: options.store, announce: plainLog.info },
      async (session) => {
        const exitCode = await recorded(session, world);
        return { exitCode, isComplete: !session.run.signal.aborted, lastFailure: session.api.lastFailure };
      },
    );
  } catch (error) {
    if (error instanceof Stopped && error.isDeadline) throw tooLate(error);
    if (error instanceof Stopped) log.info(`${error.message} before anything was collected`);
    else if (error instanceof SkipRun) log.warn(`${error.message}; the API keeps the events for the next run`);
    else throw explained(error, config, credentials, world);
    return { exitCode: ExitCode.Done, isComplete: true };
  }
}

/** Runs the poll, notes what ended it in the state and, however it ends, writes the metrics file if there is one. */
async function recorded(session: Session, world: World): Promise<ExitCode> {
  const { api, config, credentials } = session;
  let exitCode: ExitCode = ExitCode.NothingCollected;
  try {
    return (exitCode = await pollAll(session));
  } catch (error) {
    const failure = error instanceof Stopped && error.isDeadline ? tooLate(error, api.lastFailure?.message) : error;
    if (isWorthNoting(failure)) await noteInAll(explained(failure, config, credentials, world).message, session);
    if (failure instanceof AppError) exitCode = failure.exitCode;
    else if (failure instanceof Stopped) exitCode = ExitCode.Done;
    throw failure;
  } finally {
    const { metricsFile } = config;
    if (metricsFile !== undefined) {
      const { writeMetrics } = await import('../session/metrics.ts');
      await writeMetrics(metricsFile, session, exitCode);
    }
  }
}

async function pollAll(session: Session): Promise<ExitCode> {
  const { log, run, store, provider, delivery, acknowledgement, now } = session;
  const sources = await provider.sources(run.signal);
  if (registerNew(sources, session)) await store.flush();
  const unseen = noteUnseen(sources, session);
  if (unseen !== undefined) log.warn(unseen);
  const { seq } = store.state.journal;

  let incomplete = 0;
  const unauthorized: { source: Source; error: ApiError }[] = [];
  const ended = await forEachSource(
    leastRecentFirst(sources, store.state, now()),
    session,
    async (source) => {
      if (!(await pollSource(source, session))) incomplete++;
    },
    (source, error) => {
      if (isUnauthorized(error)) unauthorized.push({ source, error });
      else noteFailure(source, error, session);
    },
  );
  const { failed, interrupted } = ended;
  // One contract may refuse the token that the others accept.
  const isTokenRefused = unauthorized.length > 0 && unauthorized.length === sources.length;
  const fatal = ended.fatal ?? (isTokenRefused ? unauthorized[0]?.error : undefined);
  if (!isTokenRefused) for (const { source, error } of unauthorized) noteFailure(source, error, session);
  let isTaken = await acknowledgement.settle();
  if (isTaken && !run.signal.aborted) isTaken = await deliverPast(session, sources);
  const losses = await session.destination.look(run.signal);
  session.filter.noteTypes(store.state, now(), log);
  if (!(fatal instanceof StateError)) await store.flush();
  if (fatal !== undefined) {
    sayAnchor(seq, session);
    throw fatal;
  }

  const { reason } = run.signal as { reason: unknown };
  if (interrupted > 0 && delivery.pages === 0 && failed === 0 && reason instanceof Stopped && reason.isDeadline)
    throw reason;

  const overrunMs = -run.remainingMs();
  if (overrunMs > MAX_OVERRUN_MS) {
    log.warn(`the run ended ${formatDuration(overrunMs)} after its deadline: the reader of stdout is too slow`);
  }
  const leftOut = delivery.excluded === 0 ? '' : `; ${grouped(delivery.excluded)} left out by type`;
  log.info(`${counted(delivery.events, 'event')} from ${counted(sources.length, 'source')}${leftOut}`);
  if (interrupted > 0) {
    log.info(`${messageOf(run.signal.reason)}: the next run continues with ${counted(interrupted, 'source')}`);
  }
  const warning = expiryWarning(session.credentials, now());
  if (warning !== undefined) log.warn(warning);
  if (losses !== undefined) log.warn(losses);
  sayAnchor(seq, session);
  if (!isTaken && !run.giveUp.aborted) return ExitCode.NotDelivered;
  if (failed + incomplete === 0) return ExitCode.Done;
  return failed === sources.length ? ExitCode.NothingCollected : ExitCode.SomeSourcesFailed;
}

/** Logs what can prove later that the journal up to this commit was not altered. */
function sayAnchor(seqBefore: number, { log, store }: Session): void {
  const { seq, hash } = store.state.journal;
  if (seq > seqBefore) log.info(`the journal ends with commit ${seq}, SHA-256 ${hash}`);
}

/** False when the API did not return everything it has. */
async function pollSource(
  source: Source,
  { config, log, run, store, provider, delivery, now }: Session,
): Promise<boolean> {
  const state = stateOf(source.name, store.state);
  const progress = new SourceProgress(source.name, state);
  run.signal.throwIfAborted();
  state.last_attempt = new Date(now()).toISOString();
  const { cursor } = state;
  let pages = 0;
  let hasGap = false;
  let isRejecting = false;
  try {
    for await (const page of provider.pages(source, progress.checkpoint, run.signal)) {
      if (page.gap !== undefined) hasGap = true;
      if (page.rejected !== undefined && page.rejected.length > 0) isRejecting = true;
      await delivery.deliver(source, progress, page);
      pages++;
    }
  } catch (error) {
    if (error instanceof Stopped && pages > 0) {
      log.info(`${source.name}: stopped; the next run continues from ${state.cursor}`);
      if (error.isDeadline && state.cursor === cursor) {
        log.warn(
          `${source.name}: its cursor did not move before the deadline. If this repeats, it never will: ` +
            `increase --deadline or decrease --overlap, so that a poll gets past the events that it knows`,
        );
      }
    }
    throw error;
  } finally {
    const warning = progress.alteredWarning;
    if (warning !== undefined) log.warn(warning);
  }
  state.last_success = new Date(now()).toISOString();
  // Each poll meets a bad event again while it is inside the overlap.
  if (!isRejecting) state.unreadable = 0;
  if (!hasGap) state.last_error = null;
  if (progress.greatestLateness > 0 && progress.greatestLateness * 1000 >= config.overlapMs * LATENESS_WARNING) {
    log.warn(
      `${source.name}: events came up to ${formatDuration(progress.greatestLateness * 1000)} late, and the overlap is ` +
        `only ${formatDuration(config.overlapMs)}; increase --overlap`,
    );
  }
  return !hasGap;
}
