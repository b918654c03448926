/**
 * What the state file costs, from the inside: `backlog` collects as the built script does and notes how long a save
 * was going on; `seen` loads a state file and saves it; `load` loads one only. The figures are the last line on stderr.
 */

import { performance } from 'node:perf_hooks';
import { collect } from '../../src/commands/collect.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { readConfig } from '../../src/config/config.ts';
import { pause } from '../../src/lib/wait.ts';
import { openState, type StateStoreOptions } from '../../src/state/open-state.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { openStdout } from '../../src/lib/stdout.ts';

export interface StateFigures {
  /** From begin to end, in milliseconds. */
  wallMs: number;
  /** During which the state was being loaded or saved. */
  stateMs: number;
}

const signal = new AbortController().signal;
const config = readConfig({}, process.env);
let stateMs = 0;
let inSave = 0;
let since = 0;

/** Times that overlap count once. */
async function timed<T>(work: () => Promise<T>): Promise<T> {
  if (inSave++ === 0) since = performance.now();
  try {
    return await work();
  } finally {
    if (--inSave === 0) stateMs += performance.now() - since;
  }
}

function fail(error: unknown): void {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
}

const log = { error: fail, warn: fail, info: () => undefined, debug: () => undefined };

const options: StateStoreOptions = {
  file: config.stateFile,
  log,
  signal,
  now: Date.now,
  pause,
  initialLastRun: new Date().toISOString(),
  onFailure: fail,
};

function report(begun: number): void {
  const figures: StateFigures = { wallMs: performance.now() - begun, stateMs };
  process.stderr.write(`${JSON.stringify(figures)}\n`);
}

async function main(mode: string | undefined): Promise<void> {
  const begun = performance.now();
  if (mode === 'load') {
    await (await timed(() => openState(config.stateFile, options))).journal.close();
    report(begun);
    return;
  }
  const store = await timed(() => StateStore.open(options));
  const flush = store.flush.bind(store);
  store.flush = () => timed(flush);
  if (mode === 'backlog') {
    const stderr = { write: (line: string) => process.stderr.write(line), journal: false };
    const world = { env: process.env, stdout: openStdout(), log: stderr, signal, ...systemClock, random: Math.random };
    process.exitCode = (await collect(config, world, { store })).exitCode;
  }
  await timed(() => store.close());
  report(begun);
}

void main(process.argv[2]).catch(fail);
