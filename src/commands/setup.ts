import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { localFiles } from '../check/fluent-bit-config/read.ts';
import { pathOn, thisMachine, type Machine } from '../check/facts/machine.ts';
import { parseDuration } from '../lib/duration.ts';
import { AppError, ConfigError, ExitCode, messageOf } from '../lib/errors.ts';
import type { World } from '../lib/world.ts';
import { envValue } from '../setup/env-text.ts';
import { restore } from '../setup/main-file.ts';
import { ENV_FILE } from '../setup/paths.ts';
import { plan, type Plan } from '../setup/plan.ts';
import { readSecret } from '../setup/secrets.ts';
import { flawOf } from '../setup/values.ts';

const PRIVATE = 0o600;
const MS = 1000;
const TEXT = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;
const OPTIONS = {
  root: TEXT,
  into: TEXT,
  template: TEXT,
  pipeline: TEXT,
  tag: TEXT,
  host: TEXT,
  interval: TEXT,
  provider: TEXT,
  'token-file': TEXT,
  'api-key-file': TEXT,
  credentials: FLAG,
  'ignore-main': FLAG,
  'dry-run': FLAG,
} as const;

type Values = ReturnType<typeof parse>['values'];

/**
 * For install.sh only, and in no help: `setup plan` decides on a machine's values and writes its new files into the
 * folder `--into`; `setup restore FILE` prints that fluent-bit.conf without our changes. Messages are install.sh's.
 */
export function setup(argv: readonly string[], world: World): ExitCode {
  try {
    const { values, positionals } = parse(argv);
    const machine = { ...thisMachine(), root: values.root ?? '/' };
    const [action, file = ''] = positionals;
    if (action === 'restore') restoreMain(file, machine, world);
    else makePlan(values, machine, world);
    return ExitCode.Done;
  } catch (error) {
    world.log.write(`install.sh: error: ${messageOf(error)}\n`);
    return error instanceof AppError ? error.exitCode : ExitCode.NothingCollected;
  }
}

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
}

function restoreMain(file: string, machine: Machine, world: World): void {
  const envFile = pathOn(machine, ENV_FILE);
  const env = localFiles.isFile(envFile) ? localFiles.read(envFile) : '';
  world.stdout.write(restore(localFiles.read(file), ENV_FILE, envValue(env, 'ACTIVITY_LOG_API_KEY')));
}

function makePlan(values: Values, machine: Machine, world: World): void {
  const given = {
    tag: values.tag,
    host: values.host,
    interval: values.interval === undefined ? undefined : secondsOf(values.interval),
    provider: values.provider,
    token: secret('token', '--token-file', values['token-file']),
    key: secret('key', '--api-key-file', values['api-key-file']),
    usesCredentials: values.credentials ?? false,
    ignoresMain: values['ignore-main'] ?? false,
  };
  const made = plan(given, localFiles.read(values.template ?? ''), localFiles.read(values.pipeline ?? ''), machine);
  writePlan(made, values.into ?? '.');
  for (const warning of made.warnings) world.log.write(`install.sh: warning: ${warning}\n`);
  world.stdout.write(made.notes.map((note) => `${values['dry-run'] === true ? 'would be ' : ''}${note}\n`).join(''));
}

/** A duration as everywhere else, converted to seconds: Fluent Bit takes digits only. */
function secondsOf(text: string): string {
  const seconds = String((parseDuration(text) ?? NaN) / MS);
  if (flawOf('interval', seconds) === undefined) return seconds;
  throw new ConfigError(`--interval: a duration from 10s to 24h, such as 5m, not ${text}`);
}

function secret(kind: 'token' | 'key', option: string, file: string | undefined): string | undefined {
  return file === undefined ? undefined : readSecret(kind, file, option);
}

/** Writes the new files, and `facts` for the shell: a name and its value on each line. */
function writePlan(made: Plan, folder: string): void {
  const put = (name: string, text: string): void => {
    writeFileSync(join(folder, name), text, { mode: PRIVATE });
  };
  put('activity-log.env', made.env);
  if (made.token !== undefined) put('activity-log.token', `${made.token}\n`);
  if (made.main !== undefined) put('fluent-bit.conf', made.main);
  put('missing', made.missing.map((line) => `  ${line}\n`).join(''));
  const { survey } = made;
  const facts = {
    interval: envValue(made.env, 'ACTIVITY_LOG_INTERVAL'),
    tag: envValue(made.env, 'ACTIVITY_LOG_TAG'),
    'token-in': made.tokenIn,
    'storage-path': survey?.hasStoragePath === true ? 'theirs' : '',
    include: survey?.includesUs === true ? 'there' : '',
    blocks: survey !== undefined && survey.blocks.length > 0 ? 'taken' : '',
    // It is in fluent-bit.conf, so Fluent Bit's messages may contain it.
    key: survey?.key ?? '',
  };
  put(
    'facts',
    Object.entries(facts)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(''),
  );
}
