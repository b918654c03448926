/** What the state file costs: while a backlog is worked off, and with many identities in it. */

import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { built, type Result, runIn } from './contestants.ts';
import { measure } from './measure.ts';
import { writePast, type Past } from './past.ts';
import { count, median, milliseconds, table } from './report.ts';
import type { Bench } from './scenarios.ts';
import type { StateFigures } from './state.ts';
import { type WorldPlan, startWorld } from './world.ts';

const SEEN = 100_000;
const SOURCES = 10_000;
const DAYS = 90;
const FAILING_DAYS = 30;

export async function measureState({ rounds, shrink, folder, print }: Bench, backlog: WorldPlan): Promise<void> {
  const program = await built('state', folder);
  const world = await startWorld(backlog);
  const seen = stateWith(Math.ceil(SEEN / shrink));
  const shares: number[] = [];
  const loads: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const { wallMs, stateMs } = figuresOf(await runIn(world, { name: 'state', command: `${program} backlog` }));
      shares.push(stateMs / wallMs);
      loads.push(figuresOf(await runIn(world, { name: 'state', command: `${program} seen` }, seen)).stateMs);
    }
  } finally {
    await world.close();
  }
  const past = { sources: Math.ceil(SOURCES / shrink), days: DAYS, eventsADay: 1, failingDays: FAILING_DAYS };
  const pastLoads = await loadPast(program, past, join(folder, 'past'), rounds);
  const rows = [
    [`saving, of the wall time of ${count(world.events)} events`, `${(median(shares) * 100).toFixed(1)} %`],
    [
      `taking over a state of 0.1.0 with ${count(Math.ceil(SEEN / shrink))} identities, once`,
      milliseconds(median(loads)),
    ],
    [
      `loading ${count(past.sources)} sources with ${DAYS} days of journal, one of them failing for ${FAILING_DAYS}`,
      milliseconds(median(pastLoads)),
    ],
  ];
  print(`\nState (medians of ${rounds} rounds):\n\n${table(['', 'cost'], rows)}\n`);
}

async function loadPast(program: string, past: Past, folder: string, rounds: number): Promise<number[]> {
  await mkdir(folder);
  const file = join(folder, 'state.json');
  await writePast(file, past, Math.floor(Date.now() / 1000));
  const { PATH } = process.env;
  const run = async (mode: string) =>
    figuresOf(await measure(`${program} ${mode}`, { PATH, IONOS_API_TOKEN: 'bench', ACTIVITY_LOG_STATE_FILE: file }));
  // The snapshot is then as the script writes it.
  await run('seen');
  const loads: number[] = [];
  for (let round = 0; round < rounds; round++) loads.push((await run('load')).stateMs);
  return loads;
}

function figuresOf({ messages }: Pick<Result, 'messages'>): StateFigures {
  return JSON.parse(messages.trimEnd().split('\n').at(-1) ?? '') as StateFigures;
}

function stateWith(identities: number) {
  const now = Date.now();
  const cursor = new Date(Math.floor(now / 1000) * 1000).toISOString().replace('.000', '');
  const seen: Record<number, string[]> = {};
  for (let n = 0; n < identities; n++) {
    (seen[Math.floor(now / 1000) - (n % 300)] ??= []).push(randomUUID());
  }
  return {
    version: 1,
    last_run: cursor,
    generation: 1,
    sources: { 'ionos/31721060': { cursor, seen } },
    pending: null,
  };
}
