/** Exports in this process, and what they should bring. */

import assert from 'node:assert/strict';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ExitCode } from '../../src/lib/errors.ts';
import type { World } from '../../src/lib/world.ts';
import {
  gatewayPage,
  retryLater,
  startSandbox,
  type Fault,
  type Sandbox,
  type SandboxSettings,
} from '../sandbox/server.ts';
import { runCommand, type CommandResult } from './run-command.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { skipPause } from './test-client.ts';

export const NOW = Date.parse('2026-11-21T20:30:00Z');
export const DAY = 86_400_000;
export const BIG = '9876543218374837483';
export const SMALL = '31721060';

export async function sandboxFor(t: TestContext, settings: SandboxSettings = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ now: () => NOW, ...settings });
  t.after(() => sandbox.close());
  return sandbox;
}

export function environment(sandbox: Sandbox): NodeJS.ProcessEnv {
  const token = 'sandbox-token';
  return {
    IONOS_API_URL: sandbox.url,
    IONOS_API_TOKEN: token,
    CLOUDSCALE_API_URL: sandbox.url,
    CLOUDSCALE_API_TOKEN: token,
  };
}

/** `export` in this process, at the sandbox's time. */
export async function exporting(
  sandbox: Sandbox,
  options: string[],
  world: Partial<World> = {},
): Promise<CommandResult> {
  return runCommand(['export', ...options], { env: environment(sandbox), now: () => NOW, pause: skipPause, ...world });
}

export function linesOf(text: string): string[] {
  assert.ok(text === '' || text.endsWith('\n'), 'it ends with a whole line');
  return text.split('\n').slice(0, -1);
}

export function truth(sandbox: Sandbox, contracts: readonly string[], from = -Infinity, to = Infinity): string[] {
  const events = contracts.flatMap((contract) => sandbox.events(contract));
  return events.filter(({ time }) => time >= from && time < to).map(({ text }) => text);
}

/** The same lines as often, in any order. */
export function assertSame(lines: readonly string[], expected: readonly string[]): void {
  assert.equal(lines.length, expected.length);
  assert.deepEqual([...lines].sort(), [...expected].sort());
}

/** Each fault once, on pages here and there: so many events of three contracts, each of them once in the file. */
export async function exportThroughFaults(
  t: TestContext,
  counts: readonly [number, number, number],
  maxOffset: number,
  pageSize: number,
): Promise<void> {
  const sandbox = await sandboxFor(t, { order: 'descending', total: 'object', maxOffset, sizeBytes: 350 });
  const contracts = [BIG, SMALL, '31721061'];
  for (const [index, contract] of contracts.entries()) {
    sandbox.generate(contract, { count: counts[index] ?? 0, from: NOW - 30 * DAY, to: NOW });
  }
  const faults: Fault[] = [
    { type: 'status', status: 500 },
    { type: 'status', status: 503 },
    gatewayPage(502),
    gatewayPage(504),
    retryLater(429, 0),
    { type: 'reset' },
    { type: 'reset-body' },
    { type: 'cut' },
    { type: 'truncate' },
    { type: 'truncate', framing: 'close' },
    { type: 'body', body: '' },
    { type: 'bad-event' },
    { type: 'corrupt-gzip' },
  ];
  const scripted = faults.map((fault, index) => sandbox.fail({ match: { kind: 'page' }, skip: 3 + 6 * index, fault }));
  scripted.push(sandbox.fail({ match: { kind: 'contracts' }, fault: { type: 'status', status: 503 } }));
  const folder = await temporaryFolder(t);
  const file = join(folder, 'events.jsonl');

  const result = await exporting(sandbox, ['--from', '31d', '--page-size', `${pageSize}`, '--output', file]);

  assert.deepEqual([result.exitCode, result.stdout], [ExitCode.Done, '']);
  assertSame(linesOf(await readFile(file, 'utf8')), truth(sandbox, contracts));
  assert.deepEqual(await readdir(folder), ['events.jsonl']);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  for (const { played } of scripted) assert.equal(played, 1);
}
