import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { localFiles } from '../check/fluent-bit-config/read.ts';
import { pathOn, thisMachine, type Machine } from '../check/facts/machine.ts';
import { readService } from '../check/facts/service.ts';
import { parseDuration } from '../lib/duration.ts';
import { AppError, ConfigError, ExitCode, messageOf } from '../lib/errors.ts';
import type { World } from '../lib/world.ts';
import { envValue } from '../setup/env-text.ts';
import { installation, pipelineText, withoutStoragePath } from '../setup/installation.ts';
import { MAIN } from '../check/facts/paths.ts';
import { plan, type Given } from '../setup/plan.ts';
import { checksumOn, formatRecord, readRecord } from '../setup/record.ts';
import { demandRelease, dropIns } from '../setup/release.ts';
import { removal } from '../setup/removal.ts';
import { readSecret } from '../setup/secrets.ts';
import { formatSteps } from '../setup/step.ts';
import { demandService, environmentOf } from '../setup/service.ts';
import { flawOf } from '../setup/values.ts';

const PRIVATE = 0o600;
const MS = 1000;
const TEXT = { type: 'string', default: '' } as const;
const VALUE = { type: 'string' } as const;
const FLAG = { type: 'boolean', default: false } as const;
const OPTIONS = {
  root: TEXT,
  release: TEXT,
  stage: TEXT,
  'stock-sum': TEXT,
  live: FLAG,
  purge: FLAG,
  'dry-run': FLAG,
  credentials: FLAG,
  tag: VALUE,
  host: VALUE,
  interval: VALUE,
  provider: VALUE,
  'token-file': VALUE,
  'api-key-file': VALUE,
} as const;

type Values = ReturnType<typeof parse>['values'];

/**
 * For install.sh only, and in no help: `setup install` and `setup remove` decide on a machine's files. They write into
 * the folder `--stage`: `steps`, one a line; the new files; `facts`, a name and its value on each line. Messages are
 * install.sh's.
 */
export async function setup(argv: readonly string[], world: World, here = thisMachine()): Promise<ExitCode> {
  try {
    const { values, positionals } = parse(argv);
    const machine = { ...here, root: values.root };
    if (positionals[0] === 'remove') await remove(values, machine);
    else await install(values, machine, world);
    return ExitCode.Done;
  } catch (error) {
    const exitCode = error instanceof AppError ? error.exitCode : ExitCode.NothingCollected;
    const hint = exitCode === ExitCode.Usage ? 'install.sh --help lists the options\n' : '';
    world.log.write(`install.sh: error: ${messageOf(error)}\n${hint}`);
    return exitCode;
  }
}

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
}

async function install(values: Values, machine: Machine, world: World): Promise<void> {
  const { release, stage } = values;
  demandRelease(release);
  const service = values.live ? await readService(machine) : undefined;
  const usesCredentials = values.credentials || checksumOn(machine, dropIns(release)[1].path) !== undefined;
  if (service !== undefined) await demandService(service, usesCredentials, machine);
  const main = !values.live ? 'ignored' : isStock(machine, values['stock-sum']) ? 'stock' : 'edited';
  const template = localFiles.read(join(release, 'systemd/activity-log.env'));
  const made = plan(
    { ...given(values), usesCredentials, ignoresMain: main !== 'edited' },
    template,
    pipelineText(release, machine),
    service,
    machine,
  );
  write(stage, {
    'activity-log.env': made.env,
    'activity-log.token': made.token === undefined ? '' : `${made.token}\n`,
    'activity-log.conf': withoutStoragePath(localFiles.read(join(release, 'fluent-bit/activity-log.conf'))),
    'fluent-bit.conf': Buffer.from(made.main ?? '', 'latin1'),
    environment: service === undefined ? '' : environmentOf(service, made.env),
  });
  const { steps, record, warnings } = installation(made, { release, stage, usesCredentials, main }, machine);
  write(stage, {
    steps: formatSteps(steps),
    record: formatRecord(record),
    missing: made.missing.map((line) => `  ${line}\n`).join(''),
    facts: formatFacts({
      interval: envValue(made.env, 'ACTIVITY_LOG_INTERVAL'),
      tag: envValue(made.env, 'ACTIVITY_LOG_TAG'),
      fetcher: made.survey !== undefined && made.survey.blocks.length > 0 ? 'replaced' : '',
      owed: readRecord(machine).has('restart') ? 'restart' : '',
      // It is in fluent-bit.conf, so Fluent Bit's messages may contain it.
      key: made.survey?.key ?? '',
      'fluent-bit': service?.binary ?? '',
    }),
  });
  for (const warning of [...made.warnings, ...warnings]) world.log.write(`install.sh: warning: ${warning}\n`);
  world.stdout.write(made.notes.map((note) => `${values['dry-run'] ? 'would be ' : ''}${note}\n`).join(''));
}

async function remove({ release, stage, purge, live: isLive }: Values, machine: Machine): Promise<void> {
  const service = isLive ? await readService(machine) : undefined;
  const made = removal({ release, stage, purge, isLive }, machine);
  write(stage, {
    'fluent-bit.conf': Buffer.from(made.main, 'latin1'),
    environment: service === undefined ? '' : environmentOf(service, ''),
    steps: formatSteps(made.steps),
    state: made.state.map((pattern) => `${pattern}\n`).join(''),
    stays: made.stays.map((path) => `${path}\n`).join(''),
    facts: formatFacts({
      fetcher: made.isFetcherBack ? 'back' : '',
      service: made.isMainRestored && made.wasEnabledByUs ? 'ours' : '',
      'fluent-bit': service?.binary ?? '',
    }),
  });
}

function isStock(machine: Machine, sum: string): boolean {
  return (
    createHash('md5')
      .update(readFileSync(pathOn(machine, MAIN)))
      .digest('hex') === sum
  );
}

function given(values: Values): Omit<Given, 'usesCredentials' | 'ignoresMain'> {
  const [token, key] = [values['token-file'], values['api-key-file']];
  if (token === '-' && key === '-') {
    throw new ConfigError('only one of --token-file and --api-key-file can be standard input');
  }
  return {
    tag: values.tag,
    host: values.host,
    interval: values.interval === undefined ? undefined : secondsOf(values.interval),
    provider: values.provider,
    token: token === undefined ? undefined : readSecret('token', token, '--token-file'),
    key: key === undefined ? undefined : readSecret('key', key, '--api-key-file'),
  };
}

/** A duration as everywhere else, converted to seconds: Fluent Bit takes digits only. */
function secondsOf(text: string): string {
  const seconds = String((parseDuration(text) ?? NaN) / MS);
  if (flawOf('interval', seconds) === undefined) return seconds;
  throw new ConfigError(`--interval: expected a duration from 10s to 24h, such as 5m, not ${text}`);
}

function write(folder: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: PRIVATE });
}

function formatFacts(facts: Readonly<Record<string, string>>): string {
  return Object.entries(facts)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('');
}
