import type { Config } from '../config/config.ts';
import { expiryWarning, type Credentials } from '../config/credentials.ts';
import {
  ApiError,
  AppError,
  ExitCode,
  OutputError,
  PageError,
  StateError,
  StdoutError,
  messageOf,
} from '../lib/errors.ts';
import { Stopped } from '../lib/run.ts';
import type { World } from '../lib/world.ts';
import type { Source } from '../providers/provider.ts';
import { stateOf } from '../state/state.ts';
import type { Session } from './session.ts';

/** The parts of a session that note a failure. */
type Noting = Pick<Session, 'config' | 'log' | 'store' | 'now'>;

/** The code of the error of a run whose deadline came before its first page. */
export const DEADLINE = 'DEADLINE';

/** The message of an error of a source or of the whole poll, with what to do about it, if anything. */
export function withAdvice(error: unknown, host: string): string {
  const message = messageOf(error);
  if (error instanceof PageError) return `cannot use the answer of ${host}: ${message}`;
  if (!(error instanceof ApiError)) return message;
  if (error.status === undefined && error.retryable) {
    return `${message}; check the network, the proxy (HTTPS_PROXY) and --api-url`;
  }
  if (error.status === undefined) return message;
  switch (error.status) {
    case 401:
      return `${host} does not accept the token (${message}); create a new one`;
    case 403:
      return `the token may not read this (${message}); give its user the privilege ACCESS_ACTIVITY_LOG`;
    case 404:
      return `${host} answered ${message}; check --api-url and the contract number (fetch-activity-logs check lists them)`;
    default:
      return `${host} answered ${message}`;
  }
}

/** Whether an error affects all sources: they share the state and the output. */
export function concernsAll(error: unknown): error is AppError {
  return error instanceof StateError || error instanceof StdoutError || error instanceof OutputError;
}

/** Whether the API rejected the token: when it does so for every source, the token is the problem. */
export function isUnauthorized(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 401;
}

/** An error that ends the whole poll, with a message that says what to do. */
export function explained(error: unknown, config: Config, credentials: Credentials, world: World): Error {
  if (!(error instanceof AppError)) return error instanceof Error ? error : new Error(messageOf(error));
  const message = `${withAdvice(error, config.apiUrl.host)}${consequence(error, config, credentials, world.now())}`;
  if (error instanceof StdoutError) return new StdoutError(message, error.cause);
  return new AppError(error.code, message, error.exitCode, error);
}

function consequence(error: AppError, { peek, provider }: Config, credentials: Credentials, now: number): string {
  // With --peek, no run continues from there.
  if (error instanceof StdoutError) return peek ? '' : '; the next run will print the rest';
  if (!isUnauthorized(error)) return '';
  const expiry = expiryWarning(credentials, now);
  return ` in ${provider.tokenPlace}, and store it in ${credentials.origin}${expiry === undefined ? '' : `: ${expiry}`}`;
}

/** The error of a run whose deadline came before its first page; a later deadline is not an error. */
export function tooLate(reason: Stopped, lastFailure?: string): AppError {
  const why = lastFailure === undefined ? '' : `; last failure: ${lastFailure}`;
  return new AppError(DEADLINE, `${reason.message} before anything was collected${why}`, ExitCode.NothingCollected);
}

/** Whether the state should record what ended the poll: not a request to stop, nor a failure of the state or stdout. */
export function isWorthNoting(error: unknown): boolean {
  return !(error instanceof Stopped || error instanceof StateError || error instanceof StdoutError);
}

/** Records the failure of a source in the log and the state; its cursor stays. */
export function noteFailure(source: Source, error: unknown, { config, log, store, now }: Noting): void {
  const state = stateOf(source.name, store.state);
  const message = withAdvice(error, config.apiUrl.host);
  state.last_error = `${new Date(now()).toISOString()} ${message}`;
  if (error instanceof PageError) state.unreadable++;
  const stop = /[.?!]$/.test(message) ? '' : '.';
  const outlook = config.peek ? '' : `${stop} Its cursor was not moved; the next run will retry`;
  log.error(`${source.name}: ${message}${outlook}`);
  if (error instanceof Error && !(error instanceof AppError)) log.debug(error.stack ?? '');
}

/** Records with each source what ended the poll for all of them: `status` reads only the state. */
export async function noteInAll(message: string, { config, log, store, now }: Noting): Promise<void> {
  const polled = Object.entries(store.state.sources).filter(
    ([name]) => config.contracts.length === 0 || config.contracts.includes(name.slice(name.indexOf('/') + 1)),
  );
  if (polled.length === 0) return;
  for (const [, state] of polled) state.last_error = `${new Date(now()).toISOString()} ${message}`;
  // What ended the poll matters more than this.
  await store.flush().catch((error: unknown) => {
    log.error(messageOf(error));
  });
}
