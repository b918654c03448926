/**
 * `npm run bench`: the built script beside its peers, on the same pages in the same minutes.
 *
 *     npm run bench -- [--scenario throughput] … [--peer NAME=COMMAND] … [--rounds 5] [--short]
 *
 * Contestants take turns for so many rounds: the script (`dist/fetch-activity-logs.js`), any `--peer`, and the floor,
 * a bare Node program that fetches the same pages with undici and writes their bytes to stdout. A peer finds the API's
 * address in `IONOS_API_URL`, a token in `IONOS_API_TOKEN`, the instant to begin at in `BENCH_FROM` and as `last_run` in
 * the file `ACTIVITY_LOG_STATE_FILE`. The API is the sandbox with prepared pages, in a process of its own.
 *
 * Prints tables of medians: wall time, CPU time (user and system, of all processes of a contestant), memory (the
 * largest of its processes, at its peak), requests, and what part of another's figure ours is. Needs bash and /proc.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { built, peerFrom } from './contestants.ts';
import { SCENARIOS } from './scenarios.ts';

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', multiple: true, default: Object.keys(SCENARIOS) },
    peer: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string' },
    short: { type: 'boolean', default: false },
  },
});

const rounds = Number(values.rounds ?? (values.short ? 1 : 5));
if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError(`--rounds is not a number: ${values.rounds}`);
const chosen = values.scenario.map((name) => {
  const scenario = SCENARIOS[name];
  if (scenario === undefined)
    throw new TypeError(`--scenario is none of ${Object.keys(SCENARIOS).join(', ')}: ${name}`);
  return scenario;
});
const peers = values.peer.map(peerFrom);

const folder = await mkdtemp(join(tmpdir(), 'fetch-activity-logs-bench-'));
try {
  const floor = { name: 'floor', command: await built('floor', folder) };
  const print = (text: string): void => void process.stdout.write(text);
  const [processor] = cpus();
  print(`Node ${process.version}, ${cpus().length} × ${processor?.model ?? 'unknown processor'}\n`);
  for (const run of chosen) await run({ floor, peers, rounds, shrink: values.short ? 100 : 1, folder, print });
} finally {
  await rm(folder, { recursive: true });
}
