/** Who takes part, and what a run of one of them costs. */

import { build } from 'esbuild';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Measured, measure } from './measure.ts';
import type { Requests, World } from './world.ts';

const SCRIPT = fileURLToPath(new URL('../../dist/fetch-activity-logs.js', import.meta.url));

export interface Contestant {
  readonly name: string;
  /** For the shell. */
  readonly command: string;
}

export const OURS: Contestant = { name: 'ours', command: `exec "${process.execPath}" "${SCRIPT}"` };

/** The command for a program next to this file, built into one file as the script is. */
export async function built(name: 'floor' | 'state', folder: string): Promise<string> {
  const outfile = join(folder, `${name}.cjs`);
  const source = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  await build({ entryPoints: [source], outfile, bundle: true, platform: 'node', target: 'node20.18', format: 'cjs' });
  return `exec "${process.execPath}" "${outfile}"`;
}

/** NAME=COMMAND */
export function peerFrom(option: string): Contestant {
  const [, name, command] = /^([^=]+)=(.+)$/s.exec(option) ?? [];
  if (name === undefined || command === undefined) throw new TypeError(`--peer is not NAME=COMMAND: ${option}`);
  return { name, command };
}

export type Result = Measured & Requests;

/**
 * One run. Unless there is another state, nothing is remembered but where to begin: `last_run` in the state file, which
 * the tutorial's Python fetcher reads as well, and `BENCH_FROM`. The environment is this one alone: no proxy has a part
 * in it.
 */
export async function runIn(world: World, { command }: Contestant, state?: object): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'fetch-activity-logs-bench-'));
  const stateFile = join(folder, 'state.json');
  const from = new Date(world.settings.from).toISOString().replace(/\.000Z$/, 'Z');
  const { PATH, HOME } = process.env;
  try {
    await writeFile(stateFile, JSON.stringify(state ?? { last_run: from }));
    await world.requests();
    const measured = await measure(command, {
      PATH,
      HOME,
      IONOS_API_URL: world.url,
      IONOS_API_TOKEN: 'bench-token',
      ACTIVITY_LOG_STATE_FILE: stateFile,
      ACTIVITY_LOG_DEADLINE: '1h',
      BENCH_FROM: from,
    });
    return { ...measured, ...(await world.requests()) };
  } finally {
    await rm(folder, { recursive: true });
  }
}
