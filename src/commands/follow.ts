import { collect, type Outcome } from './collect.ts';
import { DEADLINE } from '../session/failures.ts';
import type { Config } from '../config/config.ts';
import { readCredentials } from '../config/credentials.ts';
import { formatDuration } from '../lib/duration.ts';
import {
  ApiError,
  AppError,
  ConfigError,
  ExitCode,
  LockedError,
  NotTakenError,
  PageError,
  messageOf,
} from '../lib/errors.ts';
import { createLog, type Log } from '../lib/log.ts';
import { emptyStore } from '../state/store.ts';
import type { World } from '../lib/world.ts';

/** The first pause of an outage; each further one is twice as long, up to the longest. */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;
/** A longer pause may be asked for with Retry-After, up to this. */
const LONGEST_ASKED_MS = 3_600_000;

/**
 * Polls until stopped. Each poll takes the lock and saves the state; between polls nothing is held. With --peek, what
 * was printed is known in memory only. Outages are retried, with one message when one begins and one when it ends.
 */
export async function follow(config: Config, world: World): Promise<ExitCode> {
  const log = createLog({ ...world.log, level: config.logLevel });
  const store = config.peek ? { store: emptyStore(world.now) } : {};
  const speaker = new Speaker();
  // Without a token there is nothing to announce.
  readCredentials(config.provider, config.tokenFile, world.env);
  log.info(`following ${config.apiUrl.host}, every ${formatDuration(config.intervalMs)}; Ctrl-C ends it`);

  const isStopped = () => world.signal.aborted;
  let hasWorked = false;
  for (let outage: Outage | undefined, polls = 0; ; polls++) {
    let failure: string | undefined;
    let failed: unknown;
    let outcome: Outcome | undefined;
    try {
      outcome = await collect(config, world, { ...store, adaptLog: speaker.adapt });
      if (outcome.exitCode === ExitCode.NotDelivered) return outcome.exitCode;
      failed = outcome.lastFailure;
      if (outcome.exitCode === ExitCode.NothingCollected) failure = speaker.lastError;
    } catch (error) {
      failed = originOf(error);
      if (!mayPass(failed, polls > 0, hasWorked)) throw withHint(error);
      failure = messageOf(error);
    }
    if (isStopped()) return ExitCode.Done;

    if (failure !== undefined) {
      if (outage === undefined) log.error(`${failure}. Retrying`);
      const pauseMs: number = outage === undefined ? FIRST_PAUSE_MS : Math.min(outage.pauseMs * 2, LONGEST_PAUSE_MS);
      outage = { since: outage?.since ?? world.monotonic(), pauseMs };
    } else {
      if (outage !== undefined) log.info(`recovered after ${formatDuration(world.monotonic() - outage.since)}`);
      outage = undefined;
      hasWorked = true;
      speaker.sayNew();
    }
    const intervalMs = outcome?.isComplete === false ? 0 : config.intervalMs;
    const waitMs = outage === undefined ? intervalMs : Math.max(outage.pauseMs, askedMs(failed));
    if (outage !== undefined && world.terminal !== undefined) log.info(`next attempt in ${formatDuration(waitMs)}`);
    await world.pause(waitMs, world.signal).catch(() => undefined);
    if (isStopped()) return ExitCode.Done;
  }
}

interface Outage {
  /** By the monotonic clock. */
  readonly since: number;
  readonly pauseMs: number;
}

function askedMs(failure: unknown): number {
  return failure instanceof ApiError ? Math.min(failure.retryAfterMs ?? 0, LONGEST_ASKED_MS) : 0;
}

/**
 * Whether another attempt may succeed. A lock that is held from the start belongs to another collector; later it is a
 * run that ends. A token that was never accepted is wrong; later it is being rotated, and is read again for each poll.
 */
function mayPass(error: unknown, hasPolled: boolean, hasWorked: boolean): boolean {
  if (error instanceof LockedError) return hasPolled;
  if (error instanceof ConfigError || (error instanceof ApiError && error.status === 401)) return hasWorked;
  return (
    error instanceof ApiError ||
    error instanceof NotTakenError ||
    error instanceof PageError ||
    (error instanceof AppError && error.code === DEADLINE)
  );
}

/** The error as it was before collect() added advice. */
function originOf(error: unknown): unknown {
  return error instanceof AppError && error.cause instanceof AppError ? error.cause : error;
}

function withHint(error: unknown): unknown {
  const origin = originOf(error);
  return origin instanceof LockedError
    ? new LockedError(`${origin.message}; use --peek to follow without the lock`)
    : error;
}

/** Holds the messages of a poll back until it has succeeded, and drops those that the previous poll had, too. */
class Speaker {
  /** The poll's own log, which redacts the secrets. */
  #log: Log | undefined;
  #lines: { level: 'error' | 'warn'; message: string }[] = [];
  #said = new Set<string>();

  readonly adapt = (log: Log): Log => {
    this.#log = log;
    this.#lines = [];
    const keep = (level: 'error' | 'warn') => (message: string) => this.#lines.push({ level, message });
    return { error: keep('error'), warn: keep('warn'), info: log.debug, debug: log.debug };
  };

  get lastError(): string {
    return this.#lines.findLast(({ level }) => level === 'error')?.message ?? 'nothing could be collected';
  }

  sayNew(): void {
    for (const { level, message } of this.#lines) if (!this.#said.has(message)) this.#log?.[level](message);
    this.#said = new Set(this.#lines.map(({ message }) => message));
  }
}
