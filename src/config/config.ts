import { FIELD_NAMES } from '../delivery/add-fields.ts';
import { ConfigError } from '../lib/errors.ts';
import { LOG_LEVELS, type LogLevel } from '../lib/log.ts';
import { PROVIDERS } from '../providers/index.ts';
import type { ProviderDefinition } from '../providers/provider.ts';
import {
  MAX_TIMEOUT_MS,
  NONE,
  contractNumber,
  duration,
  integer,
  listOf,
  names,
  oneOf,
  read,
  settings,
  since,
  variableOf,
  path,
  text,
  url,
  urlOrHost,
  words,
  type Options,
} from './settings.ts';

/** The settings of a run. Durations in milliseconds. */
export type Config = Readonly<ReturnType<typeof readConfig>>;

const MAX_PAGE_SIZE = 100_000;
const MAX_CONCURRENCY = 256;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MAX_SWEEP_MS = 30 * DAY_MS;
const MAX_JOURNAL_DAYS = 3_650;
const MIN_LINE_BYTES = 4_096;
const MAX_LINE_BYTES = 60_000_000;

/** Reads options and environment. Throws ConfigError that names the option, what was expected and what came. */
export function readConfig(options: Options, env: NodeJS.ProcessEnv) {
  const setting = settings(options, env);
  const provider = setting('provider', oneOf(Object.keys(PROVIDERS)), 'ionos');
  const definition = PROVIDERS[provider];
  if (definition === undefined) throw new ConfigError(`unknown provider ${provider}`);
  const overlapMs = setting('overlap', duration(0, 30 * MAX_TIMEOUT_MS), '5m');
  const sweepAgesMs = setting('sweep', sweepAges, '1h,1d,7d');
  return {
    provider: definition,
    /** With the API's path, without a trailing slash. */
    apiUrl: apiUrl(setting('api-url', urlOrHost, definition.defaultApiUrl, definition.environment.apiUrl), definition),
    tokenFile: setting('token-file', path, undefined),
    contracts: contracts(options, env, definition),
    stateFile: setting('state-file', path, definition.defaultStateFile),
    /** Where a source without a cursor starts, given the present; both in epoch milliseconds. */
    since: setting('since', since, '300s'),
    /** The option or the variable that it comes from. */
    sinceName: options['since'] === undefined ? variableOf('since') : '--since',
    overlapMs,
    pageSize: setting('page-size', integer(1, MAX_PAGE_SIZE), '1000'),
    concurrency: setting('concurrency', integer(1, MAX_CONCURRENCY), '4'),
    deadlineMs: setting('deadline', duration(1_000, MAX_TIMEOUT_MS), '4m'),
    requestTimeoutMs: setting('request-timeout', duration(1, MAX_TIMEOUT_MS), '30s'),
    maxLineBytes: setting('max-line-bytes', integer(MIN_LINE_BYTES, MAX_LINE_BYTES), '1000000'),
    addFields: setting('add-fields', listOf(FIELD_NAMES), ''),
    /** Only events of these types are printed; all when empty. */
    includeTypes: setting('include-types', names, ''),
    /** Events of these types are not printed. */
    excludeTypes: setting('exclude-types', names, ''),
    ackUrl: setting('ack-url', url, undefined),
    ackInput: setting('ack-input', text, 'activity_log'),
    /** For tests on slow machines: neither an option nor documented. */
    ackPatienceMs: setting('ack-patience', duration(0, MAX_TIMEOUT_MS), '2.5s'),
    peek: options['peek'] === true,
    /** Between two polls of `follow`. */
    intervalMs: interval(options),
    metricsFile: setting('metrics-file', path, undefined),
    /** The ages at which past hours are compared with the API's counts. */
    sweepAgesMs,
    journalDays: journalDays(setting('journal-days', integer(1, MAX_JOURNAL_DAYS), '90'), sweepAgesMs, overlapMs),
    logLevel: setting('log-level', oneOf(LOG_LEVELS), 'info'),
  };
}

/** An option only: ACTIVITY_LOG_INTERVAL is how often Fluent Bit starts a poll. */
function interval(options: Options): number {
  return settings(options, {})('interval', duration(1_000, MAX_TIMEOUT_MS), '2m');
}

/** `1h,1d,7d` in milliseconds; an empty list for `none`. */
function sweepAges(value: string): readonly number[] {
  if (value.trim() === NONE) return [];
  return value.split(',').map((age) => duration(HOUR_MS, MAX_SWEEP_MS)(age));
}

/** Sweeps and the overlap need the journal for as long as they look back, and sweeps compare whole hours. */
function journalDays(days: number, ages: readonly number[], overlapMs: number): number {
  const needed = Math.ceil((Math.max(overlapMs, ...ages) + HOUR_MS) / DAY_MS);
  if (days < needed) {
    throw new ConfigError(
      `--journal-days (ACTIVITY_LOG_JOURNAL_DAYS): ${days} is too short for --sweep and --overlap, which look back ` +
        `further: at least ${needed}, or a shorter --sweep`,
    );
  }
  return days;
}

/** The log level alone, for messages about an otherwise wrong configuration. */
export function readLogLevel(options: Options, env: NodeJS.ProcessEnv): LogLevel {
  return settings(options, env)('log-level', oneOf(LOG_LEVELS), 'info');
}

function apiUrl(base: URL, { apiPath }: ProviderDefinition): URL {
  const result = new URL(base);
  const path = result.pathname.replace(/\/+$/, '');
  result.pathname = path.endsWith(apiPath) ? path : path + apiPath;
  return result;
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
    // The variable may be set in an environment that several inputs share.
    if (given !== undefined) throw new ConfigError(`${name}: ${provider} has no contracts`);
    return [];
  }
  return [...new Set(numbers)].map((number) => read(name, number, contractNumber));
}
