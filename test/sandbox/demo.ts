/**
 * `npm run demo`: the built script, run three times as Fluent Bit's exec input would run it, against the sandbox. New
 * events come up between the polls, one of them late. Events go to stdout and nothing else does; an account of what
 * happened goes to stderr. Ends by itself, with 0 when every event of the sandbox was printed exactly once.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtFile } from '../helpers/built-file.ts';
import { startSandbox } from './server.ts';

/** The first has 19 digits, more than a JavaScript number can hold. */
const CONTRACTS = ['9876543218374837483', '31721060'] as const;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

const file = await builtFile();
const sandbox = await startSandbox();
const folder = await mkdtemp(join(tmpdir(), 'fetch-activity-logs-demo-'));
const stateFile = join(folder, 'state.json');
const printed: string[] = [];
// `npm run demo | head` is no failure.
process.stdout.on('error', () => undefined);

try {
  say(`The sandbox plays the IONOS CLOUD Activity Log API at ${sandbox.url}, with ${CONTRACTS.length} contracts.`);
  const start = lastWholeSecond();
  for (const contract of CONTRACTS) sandbox.generate(contract, { count: 5, from: start - 4 * MINUTE, to: start });
  await poll(1, 'no cursor yet: what happened in the last 5 minutes (--since 300s)');

  await happen(3);
  await poll(2, 'what happened since');

  const now = Date.now();
  sandbox.generate(CONTRACTS[0], { count: 1, from: now - 2 * MINUTE, to: now - MINUTE });
  await happen(2);
  await poll(3, 'what happened since, and one event more than a minute late (--overlap 5m)');

  const expected = CONTRACTS.flatMap((contract) => sandbox.events(contract).map(({ text }) => text));
  const missing = expected.filter((text) => !printed.includes(text)).length;
  const twice = printed.length - new Set(printed).size;
  say('', `${printed.length} lines for ${expected.length} events: ${missing} missing, ${twice} printed twice.`);
  if (missing > 0 || twice > 0) process.exitCode = 1;
} catch (error) {
  say('', `The demo failed: ${error instanceof Error ? error.message : String(error)}`);
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

/** One run of the script, and what it did. */
async function poll(nth: number, what: string): Promise<void> {
  say('', `Poll ${nth} of 3: ${what}`);
  const requests = sandbox.requests.length;
  // As exec does it: a shell, and only stdout in a pipe. The environment is this one alone, so that neither a proxy nor
  // a real token has a part in it.
  const script = spawn('/bin/sh', ['-c', `exec "${process.execPath}" "${file}"`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      IONOS_API_URL: sandbox.url,
      IONOS_API_TOKEN: sandbox.options.token ?? '',
      ACTIVITY_LOG_STATE_FILE: stateFile,
    },
  });
  const closed = once(script, 'close');
  const output = Buffer.concat((await script.stdout.toArray()) as Buffer[]);
  const [code] = (await closed) as [number | null];
  if (code !== 0) throw new Error(`the script ended with exit code ${String(code)}`);

  process.stdout.write(output);
  const lines = output.toString().split('\n').slice(0, -1);
  printed.push(...lines);
  say(`  ${lines.length} lines on stdout, after ${sandbox.requests.length - requests} requests`, ...(await sources()));
}

/** Where the cursors stand, from the state file. */
async function sources(): Promise<string[]> {
  const state = JSON.parse(await readFile(stateFile, 'utf8')) as {
    sources: Record<string, { cursor: string; delivered: number; late: { count: number } }>;
  };
  return Object.entries(state.sources).map(
    ([name, { cursor, delivered, late }]) =>
      `  ${name.padEnd(26)} ${delivered} events so far, ${late.count} late, cursor at ${cursor}`,
  );
}

function say(...lines: string[]): void {
  for (const line of lines) process.stderr.write(`${line}\n`);
}
