import { error, lineIn, warning, type Finding, type Level } from '../finding.ts';
import { entryOf, type FluentBitConfig, type Scope } from '../fluent-bit-config/model.ts';
import { sizeInBytes, truth } from '../fluent-bit-config/values.ts';

/** What the value of a key must be. A new rule of this kind is a row in KEY_RULES. */
interface KeyRule {
  readonly code: string;
  readonly level: Exclude<Level, 'ok'>;
  /** The value to write. */
  readonly fix: string;
  /** Which values are right; by default, those that mean the same as `fix`. Undefined for a missing key. */
  readonly accepts?: (value: string | undefined) => boolean;
  /** What a missing key counts as, where it is worth saying. */
  readonly fallback?: string;
  /** What a wrong value leads to. */
  readonly impact: string;
  /** What a missing key leads to; by default, the same. */
  readonly impactIfMissing?: string;
}

/** An outage of minutes needs less. */
const MIN_TOTAL_LIMIT = 50_000_000;
const UNLIMITED = /^(no_limits|false|off)$/i;
export const ALL_ADDRESSES = /^(0\.0\.0\.0|::|\*|)$/;
/** By default, Fluent Bit listens on all addresses. */
export const DEFAULT_LISTEN = '0.0.0.0';
export const UNNOTICED = 'lines that Fluent Bit drops are lost without notice';

const isSet = (value: string | undefined): boolean => value !== undefined;

/** Keys as written. */
const KEY_RULES = {
  Threaded: {
    code: 'threaded',
    level: 'warning',
    fix: 'On',
    impact: 'while the script runs, Fluent Bit sends, accepts and counts nothing',
  },
  Oneshot: { code: 'oneshot', level: 'error', fix: 'Off', impact: 'it runs only once' },
  Exit_After_Oneshot: { code: 'oneshot', level: 'error', fix: 'Off', impact: 'it runs only once' },
  HTTP_Server: {
    code: 'http-server',
    level: 'error',
    fix: 'On',
    impact: `there are no counters to read, and ${UNNOTICED}`,
  },
  HTTP_Listen: {
    code: 'http-listen',
    level: 'warning',
    fix: '127.0.0.1',
    accepts: (value = DEFAULT_LISTEN) => !ALL_ADDRESSES.test(value),
    fallback: DEFAULT_LISTEN,
    impact: 'anyone who can reach this machine can read its metrics',
  },
  'storage.type': {
    code: 'storage-type',
    level: 'error',
    fix: 'filesystem',
    fallback: 'memory',
    impact: 'a crash or kill of Fluent Bit loses everything not sent yet',
  },
  'storage.path': {
    code: 'storage-path',
    level: 'error',
    fix: '/var/lib/fluent-bit/storage',
    accepts: isSet,
    impact: 'with storage.type filesystem Fluent Bit does not start without it',
  },
  'storage.pause_on_chunks_overlimit': {
    code: 'storage-pause',
    level: 'warning',
    fix: 'Off',
    impact: 'when too much is waiting, what a run prints is dropped; with --ack-url it is delivered later',
  },
  'storage.keep.rejected': {
    code: 'keep-rejected',
    level: 'error',
    fix: 'On',
    impact: 'what a destination rejects (4xx, such as 401 for an expired key) is dropped at once',
  },
  Retry_Limit: {
    code: 'retry-limit',
    level: 'error',
    fix: 'no_limits',
    accepts: (value = '') => UNLIMITED.test(value),
    fallback: '1',
    impact: 'what cannot be sent after that many retries is dropped, and an outage loses events',
  },
  'storage.total_limit_size': {
    code: 'total-limit',
    level: 'warning',
    fix: '1G',
    accepts: (value = '') => (sizeInBytes(value) ?? 0) >= MIN_TOTAL_LIMIT,
    impact: 'when this much is waiting, the oldest events are dropped',
    impactIfMissing: 'a long outage fills the disk, and then nothing can be stored',
  },
  Host: {
    code: 'output-host',
    level: 'error',
    fix: '${ACTIVITY_LOG_HOST}',
    accepts: isSet,
    impact: 'it sends to this machine, and events never arrive',
  },
  tls: { code: 'output-tls', level: 'warning', fix: 'On', impact: 'events and key can be read in transit' },
  'tls.verify': {
    code: 'output-verify',
    level: 'warning',
    fix: 'On',
    accepts: (value = 'on') => truth(value) !== false,
    impact: 'any server that answers receives events and key',
  },
  'tls.verify_hostname': {
    code: 'output-verify',
    level: 'warning',
    fix: 'On',
    impact: 'a server with any valid certificate, for any host, receives events and key',
  },
  Shared_Key: {
    code: 'output-key',
    level: 'error',
    fix: '${ACTIVITY_LOG_API_KEY}',
    accepts: isSet,
    impact: 'the Logging Service refuses the events',
  },
  Format: {
    code: 'output-format',
    level: 'error',
    fix: 'json',
    fallback: 'msgpack',
    impact: 'the Logging Service accepts only JSON',
  },
  Require_ack_response: {
    code: 'forward-ack',
    level: 'error',
    fix: 'On',
    impact: 'whatever is written to the connection counts as delivered, whether or not it is received',
  },
  'rdkafka.message.timeout.ms': {
    code: 'kafka-timeout',
    level: 'error',
    fix: '0',
    fallback: '300000',
    impact: 'what the brokers do not accept in time is dropped',
  },
} as const satisfies Readonly<Record<string, KeyRule>>;

/** The findings for these keys; when one is set more than once, the last value counts. */
export function checkKeys(keys: readonly (keyof typeof KEY_RULES)[], scope: Scope, config: FluentBitConfig): Finding[] {
  return keys.flatMap((key) => {
    const { code, level, fix, fallback, impact, ...rule }: KeyRule = KEY_RULES[key];
    const entry = entryOf(scope, key.toLowerCase());
    if (rule.accepts?.(entry?.value) ?? meansTheSame(entry?.value, fix)) return [];
    const absence = `${key} is not set${fallback === undefined ? '' : `, and its default is ${fallback}`}`;
    const details = { at: entry?.at ?? scope.at, fix: lineIn(config, key, fix) };
    const finding = level === 'error' ? error : warning;
    if (entry === undefined) return finding(code, absence, { ...details, impact: rule.impactIfMissing ?? impact });
    return finding(code, `${key} ${entry.value}`, { ...details, impact });
  });
}

/** A missing switch is off. */
function meansTheSame(value: string | undefined, wanted: string): boolean {
  const isOn = truth(wanted);
  return isOn === undefined ? value?.toLowerCase() === wanted : (truth(value) === true) === isOn;
}
