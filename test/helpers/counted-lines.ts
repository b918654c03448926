/** For tests of the acknowledgement by Fluent Bit's counter. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { commandFor, ExecCollection } from './exec-collection.ts';
import type { ExecInputOptions, Run } from './in-exec.ts';

/** Milliseconds until a refresh that does not come by itself. */
export const NEVER = 1_000_000;

/** Compared by number first: a difference of long lists is long to read. */
export function assertSame(lines: readonly string[], expected: readonly string[]): void {
  assert.equal(lines.length, expected.length);
  assert.deepEqual([...lines].sort(), [...expected].sort());
}

/** Every event is in storage, each once; nothing else is. */
export function assertOnce({ fluentBit, texts }: ExecCollection): void {
  assertSame(fluentBit.stored, texts);
}

/** Runs the command until all is acknowledged, and waits between runs as long as an interval would. */
export async function runUntilDone(collection: ExecCollection, most: number): Promise<Run[]> {
  const runs: Run[] = [];
  while (runs.length < most) {
    await collection.counted();
    const run = await collection.fluentBit.runOnce();
    runs.push(run);
    if (run.exitCode === 0 && (await collection.state())?.pending === null) return runs;
  }
  throw new Error(`still not done after ${most} runs: ${runs.map(({ stderr }) => stderr).join('')}`);
}

export function event(uuid: string, time: string, event = '{"type":"Provision"}'): string {
  const meta = `{"auditVersion":"0.1","requestId":"${uuid}","time":"${time}"}`;
  const principal = '{"sourceService":"DCD","identity":{"contractNumber":"31721060","username":"anna"}}';
  return `{"@uuid":"${uuid}","meta":${meta},"principal":${principal},"event":${event}}`;
}

export const PROJECT = 'cloudscale/project';

/** A collection from a cloudscale project. */
export async function project(t: TestContext, input: Partial<ExecInputOptions>): Promise<ExecCollection> {
  const command = commandFor('activity_log', ['--provider', 'cloudscale', '--since', '1h']);
  const api = 'export CLOUDSCALE_API_URL=$IONOS_API_URL CLOUDSCALE_API_TOKEN=$IONOS_API_TOKEN';
  return ExecCollection.start(t, {
    sandbox: { cloudscale: { pageSize: 25 } },
    input: { command: (url) => `${api}; ${command(url)}`, ...input },
  });
}
