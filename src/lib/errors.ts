/** Fluent Bit ignores exit codes; people and timers do not. */
export const ExitCode = {
  Done: 0,
  NothingCollected: 1,
  Usage: 2,
  SomeSourcesFailed: 3,
  NotDelivered: 4,
  Locked: 75,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** An error whose message tells a person in one line what happened, to what, and what to do. `code` is stable. */
export class AppError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;

  constructor(code: string, message: string, exitCode: ExitCode, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = exitCode;
  }
}

/** An option, an environment variable or a credential that cannot be used. */
export class ConfigError extends AppError {
  constructor(message: string, exitCode: ExitCode = ExitCode.Usage) {
    super('CONFIG', message, exitCode);
  }
}

/** The state file cannot be read or written. Whatever was printed since the last save counts as not delivered. */
export class StateError extends AppError {
  constructor(message: string, cause?: unknown) {
    super('STATE', message, ExitCode.NothingCollected, cause);
  }
}

/** Another run holds the lock. */
export class LockedError extends AppError {
  constructor(message: string) {
    super('LOCKED', message, ExitCode.Locked);
  }
}

/** Stdout no longer has a reader, or cannot be written to. */
export class StdoutError extends AppError {
  constructor(message: string, cause?: unknown) {
    super('STDOUT', message, ExitCode.NotDelivered, cause);
  }
}

/** It cannot be checked that Fluent Bit takes what is printed. */
export class NotTakenError extends AppError {
  constructor(message: string, cause?: unknown) {
    super('NOT_TAKEN', message, ExitCode.NotDelivered, cause);
  }
}

/** The file of an export cannot be written. */
export class OutputError extends AppError {
  constructor(message: string, cause?: unknown) {
    super('OUTPUT', message, ExitCode.NothingCollected, cause);
  }
}

/** A page whose events cannot be read: it is not JSON, cut off, or of an unknown shape. */
export class PageError extends AppError {
  constructor(message: string, cause?: unknown) {
    super('PAGE', message, ExitCode.NothingCollected, cause);
  }
}

interface ApiErrorDetails {
  /** The HTTP status, when there was an answer. */
  readonly status?: number;
  readonly retryAfterMs?: number | undefined;
  /** Whether the same request may succeed a little later. */
  readonly retryable: boolean;
  readonly cause?: unknown;
}

/** A request without a usable answer. */
export class ApiError extends AppError {
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly retryable: boolean;

  constructor(message: string, details: ApiErrorDetails) {
    super('API', message, ExitCode.NothingCollected, details.cause);
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.retryable = details.retryable;
  }
}

/** The text of anything that was thrown; the code of an error without a message, such as Node's for several addresses. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? (codeOf(error) ?? error.name) : error.message;
}

/** The `code` of a system or library error, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
