/** What is measured. Each scenario prints what came out. */

import { type Contestant, OURS, type Result, runIn } from './contestants.ts';
import { count, median, megabytes, milliseconds, ratio, table } from './report.ts';
import { measureState } from './state-scenario.ts';
import { type World, type WorldPlan, eventsOf, startWorld } from './world.ts';

export interface Bench {
  readonly floor: Contestant;
  readonly peers: readonly Contestant[];
  readonly rounds: number;
  /** Numbers of events and contracts are divided by this: 1, or more to see in a few seconds that it all works. */
  readonly shrink: number;
  /** Where built programs and states may lie. */
  readonly folder: string;
  readonly print: (text: string) => void;
}

/** Within the default --overlap of 5 minutes, so that each id must be remembered. */
const BURST_MS = 240_000;

export const SCENARIOS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  throughput: async (bench) => {
    const plan = contracts(4, 100_000 / bench.shrink);
    await compare(`Throughput: ${described(plan)}, 386 bytes each, in pages of 1,000`, bench, [plan], bench.peers);
  },

  shapes: async (bench) => {
    const plan = { ...contracts(4, 25_000 / bench.shrink), isMixed: true };
    await compare(`Shapes: ${described(plan)}, of different keys and lengths`, bench, [plan], bench.peers);
  },

  memory: async (bench) => {
    const plans = [contracts(4, 10_000 / bench.shrink), contracts(4, 1_000_000 / bench.shrink)];
    const entries = await compare(`Memory: ${plans.map(described).join(' and ')}`, bench, plans, []);
    const peaks = entries
      .filter(({ contestant }) => contestant === OURS)
      .map(({ results }) => median(results.map(peak)));
    const [few = NaN, many = NaN] = peaks;
    bench.print(`Our peak with the many events is ${ratio(many / few)} of that with the few.\n`);
  },

  overlap: async (bench) => {
    for (const [events, peers] of [
      [100_000, bench.peers],
      [250_000, []],
    ] as const) {
      const plan = { ...contracts(4, events / bench.shrink), withinMs: BURST_MS };
      const title = `Overlap: ${described(plan)}, all of the last ${BURST_MS / 60_000} minutes`;
      await compare(title, { ...bench, rounds: Math.min(bench.rounds, 3) }, [plan], peers);
    }
  },

  cold: async (bench) => {
    await compare('Cold: an empty poll of one contract', bench, [{ contracts: [0] }], bench.peers);
  },

  latency: async (bench) => {
    const plan = { ...contracts(1_000 / bench.shrink, 3), latencyMs: 50 };
    const best = (plan.contracts.length / 4 + 1) * plan.latencyMs;
    const title = `Latency: ${described(plan)}, ${plan.latencyMs} ms for each answer; with 4 at once ${milliseconds(best)} at best`;
    await compare(title, { ...bench, rounds: Math.min(bench.rounds, 3) }, [plan], []);
  },

  requests: async (bench) => {
    const plan = { contracts: [0, 0, 2_500, 0, 999] };
    const title = `Requests: contracts with ${plan.contracts.map(count).join(', ')} events; a list and 7 pages at best`;
    await compare(title, { ...bench, rounds: 1 }, [plan], bench.peers);
  },

  state: async (bench) => {
    await measureState(bench, contracts(4, 100_000 / bench.shrink));
  },
};

function contracts(number: number, events: number): WorldPlan {
  return { contracts: Array.from({ length: Math.ceil(number) }, () => Math.ceil(events)) };
}

function described({ contracts }: WorldPlan): string {
  return `${count(eventsOf({ contracts }))} events of ${count(contracts.length)} contracts`;
}

/** What a contestant did in each round in one of the worlds. */
interface Entry {
  readonly contestant: Contestant;
  readonly plan: WorldPlan;
  readonly results: Result[];
}

/** One after the other, round by round: what disturbs the machine disturbs all of them. */
async function compare(
  title: string,
  { floor, rounds, print }: Bench,
  plans: readonly WorldPlan[],
  peers: readonly Contestant[],
): Promise<Entry[]> {
  const worlds = new Map<WorldPlan, World>();
  try {
    for (const plan of plans) if (plan.withinMs === undefined) worlds.set(plan, await startWorld(plan));
    const entries = [OURS, floor, ...peers].flatMap((contestant) =>
      plans.map((plan): Entry => ({ contestant, plan, results: [] })),
    );
    for (let round = 0; round < rounds; round++) {
      for (const { contestant, plan, results } of entries) {
        const kept = worlds.get(plan);
        const world = kept ?? (await startWorld(plan));
        results.push(await runIn(world, contestant));
        if (kept === undefined) await world.close();
      }
    }
    print(`\n${title} (${rounds === 1 ? 'one round' : `medians of ${rounds} rounds`}):\n\n${comparison(entries)}\n`);
    return entries;
  } finally {
    await Promise.all([...worlds.values()].map((world) => world.close()));
  }
}

type Figure = (result: Result) => number;

const wall: Figure = ({ wallMs }) => wallMs;
const cpu: Figure = ({ cpuMs }) => cpuMs;
const peak: Figure = ({ peakBytes }) => peakBytes;
const requests: Figure = ({ lists, pages }) => lists + pages;

function comparison(entries: readonly Entry[]): string {
  const rows = entries.map((entry) => {
    const { contestant, plan, results } = entry;
    const ours = entries.find((other) => other.contestant === OURS && other.plan === plan) ?? entry;
    // Of each round by itself, since what disturbs the machine may last for one.
    const oursToIt = (figure: Figure) =>
      median(ours.results.map((result, round) => figure(result) / figure(results[round] ?? result)));
    return [
      contestant.name,
      printed(eventsOf(plan), results),
      milliseconds(median(results.map(wall))),
      milliseconds(median(results.map(cpu))),
      megabytes(median(results.map(peak))),
      count(median(results.map(requests))),
      ...(ours === entry ? ['', '', ''] : [wall, cpu, peak].map((figure) => ratio(oursToIt(figure)))),
    ];
  });
  return table(['', 'events', 'wall', 'CPU', 'memory', 'requests', 'ours ÷ it: wall', 'CPU', 'memory'], rows);
}

/** How many events came out. The floor does not put them on lines of their own. */
function printed(events: number, results: readonly Result[]): string {
  const fewest = Math.min(...results.map(({ lines }) => lines));
  return fewest === 0 || fewest === events ? count(events) : `${count(fewest)} of ${count(events)}`;
}
