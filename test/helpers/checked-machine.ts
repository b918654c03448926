import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Finding } from '../../src/check/finding.ts';
import { renderText } from '../../src/check/report.ts';
import type { Machine } from '../../src/check/facts/machine.ts';
import { parseCommandLine } from '../../src/config/command-line.ts';
import { check } from '../../src/commands/check.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { ExitCode } from '../../src/lib/errors.ts';
import type { World } from '../../src/lib/world.ts';
import { startSandbox, type Sandbox } from '../sandbox/server.ts';
import { fluentBitDryRun } from './fluent-bit-dry-run.ts';
import { assertGoldenPart } from './golden.ts';
import { serveMetrics, type Picture } from './fluent-bit-metrics.ts';
import { sink } from './sink.ts';
import { systemctlShow, type Activity } from './systemctl.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { NO_WAIT, skipPause } from './test-client.ts';

export const NOW = Date.parse('2026-11-21T20:30:00Z');
export const MAIN = '/etc/fluent-bit/fluent-bit.conf';
export const PIPELINE = '/etc/fluent-bit/activity-log.conf';
export const OUTPUT = '/etc/fluent-bit/outputs/ionos.conf';
export const PARSERS = '/etc/fluent-bit/activity-log-parsers.conf';
export const ENVIRONMENT = '/etc/fluent-bit/activity-log.env';
export const TOKEN = '/etc/fluent-bit/activity-log.token';
export const SCRIPT = '/opt/fluent-bit/scripts/fetch-activity-logs';
export const STATE = '/var/lib/fluent-bit/activity_log_state.json';
export const UNIT = '/usr/lib/systemd/system/fluent-bit.service';
export const DROP_IN = '/etc/systemd/system/fluent-bit.service.d/10-activity-log.conf';

const SECRET_KEY = 'a-key-that-is-secret';
const CONTRACT = '31721060';
/** Debian's user without rights. */
const NOBODY = 65534;
const DAY_MS = 86_400_000;
const SOURCE_TREE_NAMES = new Set(['activity-log-parsers.conf', 'activity-log']);

export interface Checked {
  readonly exitCode: ExitCode;
  readonly stdout: string;
}

/** A machine in a folder, on which everything is installed and in order, with its API and its Fluent Bit. */
export interface CheckedMachine {
  readonly sandbox: Sandbox;
  readonly machine: Machine;
  /** What systemd says of the service. */
  readonly systemd: Activity;
  /** What Fluent Bit's HTTP server shows. */
  readonly fluentBit: { picture: Picture | undefined; readonly url: string };
  readonly path: (file: string) => string;
  readonly write: (file: string, text: string, mode?: number) => Promise<void>;
  readonly edit: (file: string, ...changes: readonly [from: string | RegExp, to: string][]) => Promise<void>;
  readonly remove: (file: string) => Promise<void>;
  /** Runs `check`; in what it says, the machine's folder and the two servers go by names. */
  readonly run: (
    options?: readonly string[],
    world?: Partial<World>,
    machine?: Partial<Machine>,
    isTerminal?: boolean,
  ) => Promise<Checked>;
  /** What `check` has found, but for what is in order. */
  readonly faults: (
    options?: readonly string[],
    world?: Partial<World>,
    machine?: Partial<Machine>,
  ) => Promise<Finding[]>;
  /** The same, which has to be what the golden file of this name has under the title of the test. */
  readonly told: (
    golden: string,
    options?: readonly string[],
    world?: Partial<World>,
    machine?: Partial<Machine>,
  ) => Promise<Finding[]>;
  /** The same, seen from that process. */
  readonly faultsSeenBy: (nobody: ChildProcess) => Promise<Finding[]>;
}

/**
 * The findings as people read them, without what differs: the numbers of lines, which the shipped files decide, those of
 * processes, and the words of the system for a broken connection.
 */
export function toldIn(findings: readonly Finding[]): string {
  const placed = findings.map((finding) =>
    Object.fromEntries(Object.entries(finding).filter(([name]) => name !== 'line')),
  );
  return renderText(placed as Finding[], { colours: false, secrets: [] })
    .replace(/.*\n$/, '')
    .replaceAll(/(?<=process |ps -fp )\d+/g, 'PID')
    .replaceAll(/(?<=no answer from API: )[^;]+/g, '…');
}

/** A JSON Web Token that expires so many days after NOW. */
export function tokenFor(days: number): string {
  const payload = JSON.stringify({ exp: (NOW + days * DAY_MS) / 1000 });
  return ['{"alg":"none"}', payload, 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.');
}

export async function installedMachine(t: TestContext): Promise<CheckedMachine> {
  const root = await realpath(await temporaryFolder(t));
  const token = tokenFor(90);
  const sandbox = await startSandbox({ now: () => NOW, token });
  sandbox.addContract(CONTRACT);
  const fluentBit = { picture: healthy(), url: '' };
  const server = await serveMetrics({ picture: () => fluentBit.picture, uptimeSec: () => 7200 }, 0);
  fluentBit.url = `http://127.0.0.1:${server.port}`;
  t.after(async () => {
    await server.close();
    await sandbox.close();
  });

  const path = (file: string) => join(root, file);
  const systemd = { ...RUNNING };
  const machine: Machine = {
    root,
    hostname: 'vm',
    uid: 0,
    node: { version: '22.11.0', path: path('/usr/bin/node') },
    run: runOn(root, systemd),
  };
  const named = (text: string) =>
    text
      .replaceAll(root, '')
      .replaceAll(new URL(sandbox.url).host, 'API')
      .replaceAll(new URL(fluentBit.url).host, 'FLUENT-BIT');

  const write = async (file: string, text: string, mode = 0o644) => {
    await mkdir(dirname(path(file)), { recursive: true });
    await writeFile(path(file), text);
    await chmod(path(file), mode);
  };
  const servers = () => ['--api-url', sandbox.url, '--ack-url', fluentBit.url];
  const run: CheckedMachine['run'] = async (argv = [], world = {}, other = {}, isTerminal = false) => {
    const whole = { ...machine, ...other };
    const { exitCode, stdout } = await runCheck([...servers(), ...argv], world, whole, isTerminal);
    return { exitCode, stdout: named(stdout) };
  };
  const faultsIn = (stdout: string): Finding[] => {
    const { findings } = JSON.parse(named(stdout)) as { findings: Finding[] };
    return findings.filter(({ level }) => level !== 'ok');
  };

  await cp(resolve('fluent-bit'), path('/etc/fluent-bit'), {
    recursive: true,
    filter: (file) => !SOURCE_TREE_NAMES.has(file.slice(file.lastIndexOf('/') + 1)),
  });
  await rename(path('/etc/fluent-bit/parsers.conf'), path(PARSERS));
  await write(DROP_IN, await readFile(resolve('systemd/fluent-bit.service.d/10-activity-log.conf'), 'utf8'));
  await mkdir(path('/run/systemd/system'), { recursive: true });
  await write(
    UNIT,
    `[Service]\nEnvironmentFile=-/etc/default/fluent-bit\nExecStart=/opt/fluent-bit/bin/fluent-bit -c ${MAIN}\n`,
  );
  await write(
    ENVIRONMENT,
    [
      'ACTIVITY_LOG_TAG=activityLog',
      'ACTIVITY_LOG_HOST=pipeline.logging.de-txl.ionos.com',
      `ACTIVITY_LOG_API_KEY=${SECRET_KEY}`,
      'ACTIVITY_LOG_INTERVAL=300',
      '',
    ].join('\n'),
    0o600,
  );
  await write(TOKEN, `${token}\n`, 0o600);
  await write('/opt/fluent-bit/bin/fluent-bit', '', 0o755);
  await write(SCRIPT, '#!/usr/bin/env node\n', 0o755);
  await write('/usr/bin/node', '', 0o755);
  await write(STATE, soundState(), 0o600);
  await chmod(dirname(path(STATE)), 0o700);

  let looks = 0;
  const faults: CheckedMachine['faults'] = async (argv = [], world, other) =>
    faultsIn((await run(['--json', ...argv], world, other)).stdout);
  return {
    sandbox,
    machine,
    systemd,
    fluentBit,
    path,
    write,
    edit: async (file, ...changes) => {
      let text = await readFile(path(file), 'utf8');
      for (const [from, to] of changes) {
        const changed = text.replace(from, () => to);
        if (changed === text) throw new Error(`nothing to change in ${file}: ${String(from)}`);
        text = changed;
      }
      await writeFile(path(file), text);
    },
    remove: (file) => rm(path(file), { recursive: true }),
    run,
    faults,
    told: async (golden, ...look) => {
      const found = await faults(...look);
      if (found.length > 0) assertGoldenPart(golden, looks++ === 0 ? t.name : `${t.name} (${looks})`, toldIn(found));
      return found;
    },
    faultsSeenBy: async (nobody) => {
      await chmod(root, 0o755);
      const answer = once(nobody, 'message') as Promise<[string]>;
      nobody.send({ argv: ['--json', ...servers()], machine: { ...machine, run: undefined, uid: NOBODY } });
      const [stdout] = await answer;
      return faultsIn(stdout);
    },
  };
}

/**
 * A process of a user who may not read what is root's, for one check after the other. Whoever runs the tests without
 * being root is one already.
 */
export function startNobody(): ChildProcess {
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const { NODE_V8_COVERAGE: coverage } = process.env;
  const env = coverage === undefined ? {} : { NODE_V8_COVERAGE: coverage };
  return fork(fileURLToPath(new URL('check-elsewhere.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    ...user,
    env,
  });
}

/** The programs of a machine whose files begin at `root`. */
export function runOn(root: string, systemd: Activity): Machine['run'] {
  return (command, args, env) => {
    const [, file = ''] = args;
    if (command.endsWith('fluent-bit')) return fluentBitDryRun(file, env);
    return Promise.resolve(command === 'systemctl' ? systemctlShow(root, systemd, args) : undefined);
  };
}

export const RUNNING: Activity = { ActiveState: 'active', SubState: 'running', NeedDaemonReload: 'no' };

/** Runs `check` in this process, on another machine and in a world that waits for nothing. */
export async function runCheck(
  argv: readonly string[],
  world: Partial<World>,
  machine: Machine,
  isTerminal = false,
): Promise<Checked> {
  const printed: Buffer[] = [];
  const stdout = sink(printed);
  if (isTerminal) Object.assign(stdout, { isTTY: true });
  const { options } = parseCommandLine(['check', ...argv]);
  const whole: World = {
    env: {},
    stdout,
    log: { write: () => undefined, journal: false },
    signal: new AbortController().signal,
    ...systemClock,
    now: () => NOW,
    pause: skipPause,
    random: NO_WAIT,
    ...world,
  };
  const exitCode = await check(whole, options, { machine });
  return { exitCode, stdout: Buffer.concat(printed).toString() };
}

/** Of a Fluent Bit that was started after all files were written. */
function healthy(): Picture {
  const inputs = new Map([['activity_log', { records: 1812, bytes: 181_200, paused: false }]]);
  return { inputs, uptimeSec: 7200, startedAt: Math.floor(Date.now() / 1000) + 3600 };
}

function soundState(): string {
  const cursor = '2026-11-21T20:25:55Z';
  const source = { cursor, start: '2026-11-01T00:00:00Z', seen: {}, delivered: 1812, last_success: cursor };
  return `${JSON.stringify({ version: 1, last_run: cursor, generation: 42, sources: { [`ionos/${CONTRACT}`]: source }, pending: null })}\n`;
}
