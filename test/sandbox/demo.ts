/**
 * `npm run demo`: the built script against the sandbox. Three polls, each started as Fluent Bit's exec input would
 * start it; new events come up between them, one of them late. Then the commands that people use: status, check,
 * verify and export. Events go to stdout and nothing else does; an account of what happened goes to stderr. Ends by
 * itself, with 0 when every event of the sandbox was printed exactly once and each command ended as it should.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtFile } from '../helpers/built-file.ts';
import { DemoAccount } from './demo-account.ts';
import { startSandbox } from './server.ts';

/** The first has 19 digits, more than a JavaScript number can hold. */
const CONTRACTS = ['9876543218374837483', '31721060'] as const;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

const file = await builtFile();
const sandbox = await startSandbox();
const folder = await mkdtemp(join(tmpdir(), 'fetch-activity-logs-demo-'));
const account = new DemoAccount(process);
const printed: string[] = [];
// The environment is this one alone, so that neither a proxy nor a real token has a part in it.
const env = {
  IONOS_API_URL: sandbox.url,
  IONOS_API_TOKEN: sandbox.options.token ?? '',
  ACTIVITY_LOG_STATE_FILE: join(folder, 'state.json'),
  ACTIVITY_LOG_SINCE: '20m',
  NO_COLOR: process.env['NO_COLOR'] ?? '',
  TERM: process.env['TERM'] ?? '',
};
// `npm run demo | head` is no failure.
process.stdout.on('error', () => undefined);

try {
  account.say(
    `A sandbox plays the IONOS CLOUD Activity Log API at ${sandbox.url}, with ${CONTRACTS.length} contracts.`,
  );
  const start = lastWholeSecond();
  for (const contract of CONTRACTS) sandbox.generate(contract, { count: 5, from: start - 18 * MINUTE, to: start });
  await poll('Poll 1 of 3: there is no cursor yet; prints what happened in the last 20 minutes (--since 20m)');

  await happen(3);
  await poll('Poll 2 of 3: prints what happened since');

  const now = Date.now();
  sandbox.generate(CONTRACTS[0], { count: 1, from: now - 2 * MINUTE, to: now - MINUTE });
  await happen(2);
  await poll('Poll 3 of 3: what happened since, and one event that appears more than a minute late (--overlap 5m)');

  const expected = CONTRACTS.flatMap((contract) => sandbox.events(contract).map(({ text }) => text));
  const missing = expected.filter((text) => !printed.includes(text)).length;
  const twice = printed.length - new Set(printed).size;
  account.say(`  ${printed.length} lines for ${expected.length} events: ${missing} missing, ${twice} printed twice`);
  if (missing > 0 || twice > 0) process.exitCode = 1;

  await run(['status'], 'How far each source is');
  await writeFile(join(folder, 'fluent-bit.conf'), badConfiguration());
  const check = ['check', '--quiet', '--config', 'fluent-bit.conf'];
  await run(check, 'What would cost events? Here a configuration with mistakes, so that there is something to see', 1);
  await run(['verify', '--from', '20m'], 'Is anything missing? Compares what was delivered with what the API counts');
  await run(['export', '--from', '20m', '-o', 'events.csv'], 'All events of a time range as a file, for an auditor');
} catch (error) {
  account.say('', `The demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await sandbox.close();
  await rm(folder, { recursive: true });
}

/** Lets new events happen in each contract. The API counts in whole seconds: waits until theirs is over. */
async function happen(count: number): Promise<void> {
  const from = Date.now();
  const to = from + SECOND / 2;
  for (const contract of CONTRACTS) sandbox.generate(contract, { count, from, to });
  while (lastWholeSecond() < to) await sleep(SECOND / 10);
}

function lastWholeSecond(): number {
  return Date.now() - (Date.now() % SECOND);
}

/** One poll, and what it did. */
async function poll(about: string): Promise<void> {
  account.command('fetch-activity-logs', about);
  const requests = sandbox.requests.length;
  // As exec does it: a shell, and only stdout in a pipe.
  const script = spawn('/bin/sh', ['-c', `exec "${process.execPath}" "${file}"`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  const closed = once(script, 'close');
  const output = Buffer.concat((await script.stdout.toArray()) as Buffer[]);
  const [code] = (await closed) as [number | null];
  if (code !== 0) throw new Error(`the script ended with exit code ${String(code)}`);

  account.events(output);
  const lines = output.toString().split('\n').slice(0, -1);
  printed.push(...lines);
  account.say(
    `  ${lines.length} lines on stdout, after ${sandbox.requests.length - requests} requests`,
    ...(await sources()),
  );
}

/** One of the commands for people. What it prints is part of the account: stdout is for events. */
async function run(args: readonly string[], about: string, expectedCode = 0): Promise<void> {
  account.command(['fetch-activity-logs', ...args].join(' '), about);
  const script = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 2, 2], cwd: folder, env });
  const [code] = (await once(script, 'close')) as [number | null];
  if (code !== expectedCode) throw new Error(`${args.join(' ')} ended with exit code ${String(code)}`);
}

/** A pipeline as people write it first: without parser, a small buffer, delivery not confirmed. */
function badConfiguration(): string {
  return `[SERVICE]
    Flush        1
    storage.path /var/lib/fluent-bit/storage

[INPUT]
    Name         exec
    Alias        activity_log
    Tag          activityLog
    Command      exec ${file}
    Interval_Sec 300
    Buf_Size     64k
    Threaded     On
    storage.type filesystem

[OUTPUT]
    Name         http
    Match        activityLog
    Host         logs.example.net
    Port         443
    Tls          On
    Format       json
    Retry_Limit  no_limits
    tls.verify_hostname      On
    storage.total_limit_size 1G
`;
}

/** Where the cursors stand, from the state file. */
async function sources(): Promise<string[]> {
  const state = JSON.parse(await readFile(env.ACTIVITY_LOG_STATE_FILE, 'utf8')) as {
    sources: Record<string, { cursor: string; delivered: number; late: { count: number } }>;
  };
  return Object.entries(state.sources).map(
    ([name, { cursor, delivered, late }]) =>
      `  ${name.padEnd(26)} ${delivered} events so far, ${late.count} late, cursor at ${cursor}`,
  );
}
