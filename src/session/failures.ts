import type { Config } from '../config/config.ts';
import { expiryWarning, type Credentials } from '../config/credentials.ts';
import { ApiError, AppError, ExitCode, PageError, StateError, StdoutError, messageOf } from '../lib/errors.ts';
import { Stopped } from '../lib/run.ts';
import type { World } from '../lib/world.ts';
import type { Source } from '../providers/provider.ts';
import { stateOf } from '../state/state.ts';
import type { Session } from './session.ts';

/** The code of the error that says that the deadline came before the first page. */
export const DEADLINE = 'DEADLINE';

/** An error of a source or of the whole poll in words that say what to do, where there is something to do. */
export function withAdvice(error: unknown, host: string): string {
  const message = messageOf(error);
  if (error instanceof PageError) return `the answer of ${host} cannot be used: ${message}`;
  if (!(error instanceof ApiError)) return message;
  if (error.status === undefined && error.retryable) {
    return `${message}; does the network let it through (HTTPS_PROXY?), and is --api-url right?`;
  }
  if (error.status === undefined) return message;
  switch (error.status) {
    case 401:
      return `${host} does not accept the token (${message}); create a new one and put it in its place`;
    case 403:
      return `the token may not read this (${message}); give its user the privilege ACCESS_ACTIVITY_LOG`;
    case 404:
      return `${host} does not know it (${message}); is the contract number or --api-url right?`;
    default:
      return `${host} answered ${message}`;
  }
}

/** The state and stdout serve all sources: no other one would succeed without them. */
export function concernsAll(error: unknown): error is AppError {
  return error instanceof StateError || error instanceof StdoutError;
}

/** The API does not accept the token: where that is said of every source, it is the token's fault. */
export function isUnauthorized(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 401;
}

/** An error that ends the whole poll, in words that say what to do. */
export function explained(error: unknown, config: Config, credentials: Credentials, world: World): Error {
  if (!(error instanceof AppError) || error instanceof StdoutError)
    return error instanceof Error ? error : new Error(messageOf(error));
  const expiry =
    error instanceof ApiError && error.status === 401 ? expiryWarning(credentials, world.now()) : undefined;
  const message = withAdvice(error, config.apiUrl.host);
  return new AppError(error.code, expiry === undefined ? message : `${message}: ${expiry}`, error.exitCode, error);
}

/** At the deadline without a single page: not what a run is for. */
export function tooLate(reason: Stopped, lastFailure?: string): AppError {
  const why = lastFailure === undefined ? '' : `; what failed last: ${lastFailure}`;
  return new AppError(DEADLINE, `${reason.message} before anything was collected${why}`, ExitCode.NothingCollected);
}

/** Whether what ended the poll is worth reading in the state: neither a wish, nor what the state or stdout tells. */
export function isWorthNoting(error: unknown): boolean {
  return !(error instanceof Stopped || error instanceof StateError || error instanceof StdoutError);
}

/** Writes the failure of a source into the log and the state; its cursor stays. */
export function noteFailure(source: Source, error: unknown, { config, log, store, now }: Session): void {
  const state = stateOf(source.name, store.state);
  const message = withAdvice(error, config.apiUrl.host);
  state.last_error = `${new Date(now()).toISOString()} ${message}`;
  if (error instanceof PageError) state.unreadable++;
  log.error(
    `${source.name}: ${message}${/[.?!]$/.test(message) ? '' : '.'} Its cursor stays; the next run tries again`,
  );
  if (error instanceof Error && !(error instanceof AppError)) log.debug(error.stack ?? '');
}

/** What ended the poll for all sources stands with each of them: `status` knows nothing but the state. */
export async function noteInAll(message: string, { config, log, store, now }: Session): Promise<void> {
  const polled = Object.entries(store.state.sources).filter(
    ([name]) => config.contracts.length === 0 || config.contracts.includes(name.slice(name.indexOf('/') + 1)),
  );
  if (polled.length === 0) return;
  for (const [, state] of polled) state.last_error = `${new Date(now()).toISOString()} ${message}`;
  // What ended the poll is what matters more.
  await store.flush().catch((error: unknown) => {
    log.error(messageOf(error));
  });
}
