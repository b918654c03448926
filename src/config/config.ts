import { FIELD_NAMES, type FieldName } from '../delivery/add-fields.ts';
import { parseDuration, parseInstant } from '../lib/duration.ts';
import { ConfigError } from '../lib/errors.ts';
import { LOG_LEVELS, type LogLevel } from '../lib/log.ts';
import { withoutPassword } from '../lib/secrets.ts';
import { PROVIDERS } from '../providers/index.ts';
import type { ProviderDefinition } from '../providers/provider.ts';

/** What a run is told to do. Durations in milliseconds. */
export interface Config {
  readonly provider: ProviderDefinition;
  /** With the API's path, without a slash at its end. */
  readonly apiUrl: URL;
  readonly tokenFile: string | undefined;
  readonly contracts: readonly string[];
  readonly stateFile: string;
  /** The instant at which a source without a cursor begins, in epoch milliseconds, given the present. */
  readonly since: (now: number) => number;
  readonly overlapMs: number;
  readonly pageSize: number;
  readonly concurrency: number;
  readonly deadlineMs: number;
  readonly requestTimeoutMs: number;
  readonly maxLineBytes: number;
  readonly addFields: readonly FieldName[];
  readonly ackUrl: URL | undefined;
  readonly ackInput: string;
  readonly peek: boolean;
  /** Between two polls of `follow`. */
  readonly intervalMs: number;
  readonly metricsFile: string | undefined;
  readonly logLevel: LogLevel;
}

/** Options as yargs hands them over; the environment takes the place of those that are not given. */
export type Options = Readonly<Record<string, unknown>>;

const MAX_PAGE_SIZE = 100_000;
const MAX_CONCURRENCY = 256;
/** Node's timers take no more than 2^31 - 1 ms; nobody wants a run of a day. */
export const MAX_TIMEOUT_MS = 86_400_000;
const MIN_LINE_BYTES = 4_096;
const MAX_LINE_BYTES = 60_000_000;

/** Reads options and environment. Throws ConfigError that names the option, what was expected and what came. */
export function readConfig(options: Options, env: NodeJS.ProcessEnv): Config {
  const setting = settings(options, env);
  const provider = setting('provider', oneOf(Object.keys(PROVIDERS)), 'ionos');
  const definition = PROVIDERS[provider];
  if (definition === undefined) throw new ConfigError(`unknown provider ${provider}`);
  return {
    provider: definition,
    apiUrl: apiUrl(setting('api-url', url, definition.defaultApiUrl, definition.environment.apiUrl), definition),
    tokenFile: setting('token-file', text, undefined),
    contracts: contracts(options, env, definition),
    stateFile: setting('state-file', text, definition.defaultStateFile),
    since: setting('since', since, '300s'),
    overlapMs: setting('overlap', duration(0, 30 * MAX_TIMEOUT_MS), '5m'),
    pageSize: setting('page-size', integer(1, MAX_PAGE_SIZE), '1000'),
    concurrency: setting('concurrency', integer(1, MAX_CONCURRENCY), '4'),
    deadlineMs: setting('deadline', duration(1_000, MAX_TIMEOUT_MS), '4m'),
    requestTimeoutMs: setting('request-timeout', duration(1, MAX_TIMEOUT_MS), '30s'),
    maxLineBytes: setting('max-line-bytes', integer(MIN_LINE_BYTES, MAX_LINE_BYTES), '1000000'),
    addFields: setting('add-fields', listOf(FIELD_NAMES), ''),
    ackUrl: setting('ack-url', url, undefined),
    ackInput: setting('ack-input', text, 'activity_log'),
    peek: options['peek'] === true,
    intervalMs: interval(options),
    metricsFile: setting('metrics-file', text, undefined),
    logLevel: setting('log-level', oneOf(LOG_LEVELS), 'info'),
  };
}

/** An option only: ACTIVITY_LOG_INTERVAL is how often Fluent Bit starts a poll. */
function interval(options: Options): number {
  return settings(options, {})('interval', duration(1_000, MAX_TIMEOUT_MS), '2m');
}

/** The log level alone, for messages about an otherwise wrong configuration. */
export function readLogLevel(options: Options, env: NodeJS.ProcessEnv): LogLevel {
  return settings(options, env)('log-level', oneOf(LOG_LEVELS), 'info');
}

/** A parser throws what it expected; who called it adds the rest. */
class Expected extends Error {}

type Parser<T> = (value: string) => T;

interface Setting {
  <T>(name: string, parse: Parser<T>, fallback: string, variable?: string): T;
  <T>(name: string, parse: Parser<T>, fallback: undefined, variable?: string): T | undefined;
}

export function settings(options: Options, env: NodeJS.ProcessEnv): Setting {
  return <T>(name: string, parse: Parser<T>, fallback: string | undefined, variable = variableOf(name)) => {
    const option = options[name];
    const fromEnv = env[variable];
    if (option !== undefined) return read(`--${name}`, Array.isArray(option) ? option.at(-1) : option, parse);
    if (fromEnv !== undefined && fromEnv !== '') return read(variable, fromEnv, parse);
    return fallback === undefined ? undefined : parse(fallback);
  };
}

/** ACTIVITY_LOG_STATE_FILE for state-file. */
function variableOf(name: string): string {
  return `ACTIVITY_LOG_${name.toUpperCase().replaceAll('-', '_')}`;
}

function read<T>(name: string, value: unknown, parse: Parser<T>): T {
  const given = String(value);
  try {
    return parse(given);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    throw new ConfigError(`${name}: expected ${error.message}, got "${withoutPassword(given)}"`);
  }
}

export function text(value: string): string {
  if (value.trim() === '') throw new Expected('a name');
  return value;
}

function integer(least: number, most: number): Parser<number> {
  return (value) => {
    const number = /^\d+$/.test(value.trim()) ? Number(value) : NaN;
    if (!(number >= least && number <= most)) throw new Expected(`a whole number from ${least} to ${most}`);
    return number;
  };
}

export function duration(least: number, most: number): Parser<number> {
  return (value) => {
    const ms = parseDuration(value);
    if (ms === undefined) throw new Expected('a duration such as 90s, 5m, 24h or 7d');
    if (ms < least || ms > most) throw new Expected(`a duration from ${least / 1000}s to ${most / 1000}s`);
    return ms;
  };
}

export function since(value: string): (now: number) => number {
  const ms = parseDuration(value);
  // Not before 1970: a year below 0 has a form that neither the API nor the state file knows.
  if (ms !== undefined) return (now) => Math.max(0, now - ms);
  const instant = parseInstant(value);
  if (instant === undefined) {
    throw new Expected('a duration such as 90s, 5m, 24h or 7d, or an instant such as 2026-01-31T12:00:00Z');
  }
  return () => instant;
}

function url(value: string): URL {
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol)) {
    throw new Expected('a URL such as https://api.example.com');
  }
  if (parsed.username !== '' || parsed.password !== '') throw new Expected('a URL without user name and password');
  if (parsed.search !== '' || parsed.hash !== '') throw new Expected('a URL without query and fragment');
  return parsed;
}

function apiUrl(base: URL, { apiPath }: ProviderDefinition): URL {
  const result = new URL(base);
  const path = result.pathname.replace(/\/+$/, '');
  result.pathname = path.endsWith(apiPath) ? path : path + apiPath;
  return result;
}

export function oneOf<T extends string>(values: readonly T[]): Parser<T> {
  return (value) => {
    const found = values.find((known) => known === value);
    if (found === undefined) throw new Expected(`one of ${values.join(', ')}`);
    return found;
  };
}

function listOf<T extends string>(values: readonly T[]): Parser<readonly T[]> {
  return (value) => [...new Set(words(value))].map(oneOf(values));
}

function contracts(
  options: Options,
  env: NodeJS.ProcessEnv,
  { name: provider, hasContracts }: ProviderDefinition,
): string[] {
  const given = options['contract'];
  const [name, values] =
    given === undefined
      ? ['ACTIVITY_LOG_CONTRACT', [env['ACTIVITY_LOG_CONTRACT'] ?? '']]
      : ['--contract', Array.isArray(given) ? given : [given]];
  const numbers = values.flatMap((value) => words(String(value)));
  if (given !== undefined && numbers.length === 0) throw new ConfigError(`${name}: expected a contract number, got ""`);
  if (!hasContracts) {
    // The variable may stand in an environment that several inputs share.
    if (given !== undefined) throw new ConfigError(`${name}: ${provider} has no contracts`);
    return [];
  }
  return [...new Set(numbers)].map((number) => read(name, number, contractNumber));
}

/** Text from end to end: contract numbers of 19 digits are no JavaScript numbers. */
function contractNumber(value: string): string {
  if (!/^\d+$/.test(value)) throw new Expected('a contract number');
  return value;
}

function words(value: string): string[] {
  return value.split(/[\s,]+/).filter((word) => word !== '');
}
