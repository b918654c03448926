import { localFiles } from '../check/fluent-bit-config/read.ts';
import { filesOn } from '../check/facts/configuration.ts';
import { pathOn, type Machine } from '../check/facts/machine.ts';
import type { Service } from '../check/facts/service.ts';
import { isLoggingServiceHost, isLoggingServiceTag } from '../config/logging-service.ts';
import { ConfigError, ExitCode } from '../lib/errors.ts';
import { envValue, withEnv } from './env-text.ts';
import { readBytes, rewrite } from './main-file.ts';
import { ENV_FILE, MAIN } from '../check/facts/paths.ts';
import { planToken } from './token-plan.ts';
import { linesOf, survey, type Survey } from './tutorial.ts';
import { flawOf, type Kind } from './values.ts';

const IONOS_OUTPUT = /^@INCLUDE\s+outputs\/ionos(?:-tcp)?\.conf/im;

const NOT_DONE = ExitCode.NothingCollected;
/** The part of an interval that a run may take, so that it ends before the next one starts. */
const DEADLINE = 0.8;

export interface Given {
  readonly tag?: string | undefined;
  readonly host?: string | undefined;
  /** Seconds. */
  readonly interval?: string | undefined;
  readonly provider?: string | undefined;
  readonly token?: string | undefined;
  readonly key?: string | undefined;
  /** The token must be in its own file, since systemd copies that. */
  readonly usesCredentials: boolean;
  /** Nothing is taken from fluent-bit.conf: it is the package's own, or is ignored. */
  readonly ignoresMain: boolean;
}

/** The new files of this machine. */
export type Plan = Readonly<ReturnType<typeof plan>>;

/**
 * Decides on the values: first what was given, then what activity-log.env has, then what the blocks of the vendor's
 * tutorial have. `template` is the activity-log.env of a machine without one, `pipeline` the activity-log.conf that will
 * be used, `service` the one of this machine.
 */
export function plan(given: Given, template: string, pipeline: string, service: Service | undefined, machine: Machine) {
  const files = filesOn(machine);
  const hasEnv = localFiles.isFile(pathOn(machine, ENV_FILE));
  const before = hasEnv ? files.read(ENV_FILE) : template;
  const found = given.ignoresMain ? undefined : survey(MAIN, files);
  const notes: string[] = [];
  const warnings = [...(found?.warnings ?? [])];
  const isIonos = IONOS_OUTPUT.test(pipeline);
  let env = before;

  const take = (name: string, kind: Kind, value: string | undefined, fallback = ''): void => {
    if (value !== undefined && value !== '') {
      if (envValue(env, name) !== value) env = withEnv(env, name, value);
    } else if (envValue(env, name) === '' && flawOf(kind, fallback) === undefined) {
      env = withEnv(env, name, fallback);
      notes.push(`taken from fluent-bit.conf: ${name}`);
    }
  };
  checkGiven(given, isIonos);
  take('ACTIVITY_LOG_TAG', 'tag', given.tag, found?.tag);
  take('ACTIVITY_LOG_HOST', 'host', given.host, found?.host);
  take('ACTIVITY_LOG_API_KEY', 'key', given.key, found?.key);
  take('ACTIVITY_LOG_PROVIDER', 'provider', given.provider);
  const interval = given.interval ?? (hasEnv ? undefined : sound('interval', found?.interval));
  if (interval !== undefined && interval !== envValue(env, 'ACTIVITY_LOG_INTERVAL')) {
    if (given.interval === undefined) notes.push('taken from fluent-bit.conf: ACTIVITY_LOG_INTERVAL');
    env = withEnv(env, 'ACTIVITY_LOG_INTERVAL', interval);
    env = withEnv(env, 'ACTIVITY_LOG_DEADLINE', `${Math.floor(Number(interval) * DEADLINE)}s`);
  }

  const token = planToken(given.token, given.usesCredentials, env, service, machine);
  env = token.env;
  warnings.push(...token.warnings);
  const missing = [
    ...unfilled('ACTIVITY_LOG_TAG', 'tag', '--tag NAME', env),
    ...(isIonos ? unfilled('ACTIVITY_LOG_HOST', 'host', '--host HOST', env) : []),
    ...(isIonos ? unfilled('ACTIVITY_LOG_API_KEY', 'key', '--api-key-file FILE', env) : []),
    ...(token.in === '' ? [`the API's token, alone in ${token.wanted} (or --token-file FILE)`] : []),
  ];
  demand('interval', envValue(env, 'ACTIVITY_LOG_INTERVAL'), `ACTIVITY_LOG_INTERVAL in ${ENV_FILE}`, NOT_DONE);
  if (isIonos) warnings.push(...loggingService(before, env));
  return {
    env,
    token: token.value,
    /** fluent-bit.conf, a character for each byte. */
    main: found === undefined ? undefined : rewrite(readBytes(machine, MAIN), found, ENV_FILE),
    survey: found,
    /** Where the token is: a file, or `variable`; empty when there is none. */
    tokenIn: token.in,
    /** What the user has to fill in before events can flow. */
    missing,
    notes: missing.length > 0 ? notes : [...notes, ...takenOver(found)],
    warnings,
  };
}

function sound(kind: Kind, value: string | undefined): string | undefined {
  return value !== undefined && flawOf(kind, value) === undefined ? value : undefined;
}

function demand(kind: Kind, value: string, where: string, exitCode: ExitCode): void {
  const flaw = flawOf(kind, value);
  if (flaw !== undefined) throw new ConfigError(`${where}: ${flaw}`, exitCode);
}

function checkGiven(given: Given, isIonos: boolean): void {
  for (const kind of ['tag', 'host', 'interval', 'provider'] as const) {
    const value = given[kind];
    if (value !== undefined) demand(kind, value, `--${kind}`, ExitCode.Usage);
  }
  if (isIonos && given.tag !== undefined && !isLoggingServiceTag(given.tag)) {
    const message = `--tag: the Logging Service takes 3 to 20 letters and digits, not ${given.tag}`;
    throw new ConfigError(message);
  }
}

/** Only warnings, and only for new values: they may lead to a proxy or another compatible service. */
function loggingService(before: string, env: string): string[] {
  const [tag, host] = ['ACTIVITY_LOG_TAG', 'ACTIVITY_LOG_HOST'].map((name) => ({
    value: envValue(env, name),
    isNew: envValue(env, name) !== envValue(before, name),
  }));
  return [
    ...(tag?.isNew === true && !isLoggingServiceTag(tag.value)
      ? [`the tag ${tag.value} is not one of the Logging Service, which takes 3 to 20 letters and digits`]
      : []),
    ...(host?.isNew === true && !isLoggingServiceHost(host.value)
      ? [`${host.value} does not look like an endpoint of the Logging Service (….logging.<region>.ionos.com)`]
      : []),
  ];
}

function unfilled(name: string, kind: Kind, option: string, env: string): string[] {
  const value = envValue(env, name);
  if (value === '') return [`${name}= in ${ENV_FILE} (or ${option})`];
  demand(kind, value, `${name} in ${ENV_FILE}`, NOT_DONE);
  return [];
}

function takenOver(found: Survey | undefined): string[] {
  return (found?.blocks ?? []).map(
    (block) => `commented out: the tutorial's ${block.title}, ${linesOf(block)} of fluent-bit.conf`,
  );
}
