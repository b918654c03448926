/** What a contestant finds: an API with so many events, served by a process of its own. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('server.ts', import.meta.url));

export interface WorldSettings {
  /** The number of events of each contract. */
  readonly contracts: readonly number[];
  /** Of each event; null: events of any length and shape. */
  readonly sizeBytes: number | null;
  /** When the first event of each contract happens, in milliseconds since the epoch: a whole second. */
  readonly from: number;
  /** From each event of a contract to the next. */
  readonly stepMs: number;
  /** Waited for before each answer. */
  readonly latencyMs: number;
}

export interface Requests {
  lists: number;
  pages: number;
}

export interface World {
  readonly settings: WorldSettings;
  readonly url: string;
  /** Of all contracts. */
  readonly events: number;
  /** How many there were since this was asked last. */
  requests(): Promise<Requests>;
  close(): Promise<void>;
}

export function contractNumber(index: number): string {
  return `${31_721_060 + index}`;
}

export interface WorldPlan {
  readonly contracts: readonly number[];
  readonly latencyMs?: number;
  readonly isMixed?: boolean;
  /** All events happened in so many milliseconds before now; otherwise they are STEP_MS apart. */
  readonly withinMs?: number;
}

export function eventsOf({ contracts }: Pick<WorldPlan, 'contracts'>): number {
  return contracts.reduce((sum, events) => sum + events, 0);
}

const EVENT_BYTES = 386;
/** 6.25 events a second in each contract: 100,000 take 4 hours and a half, and a second has no more than a page. */
const STEP_MS = 160;

/** A world whose last event happened just now. */
export async function startWorld({ contracts, latencyMs = 0, isMixed = false, withinMs }: WorldPlan): Promise<World> {
  const most = Math.max(0, ...contracts);
  const stepMs = withinMs === undefined ? STEP_MS : withinMs / most;
  const spanMs = withinMs ?? Math.max(300_000, (most + 10) * STEP_MS);
  const from = Math.floor((Date.now() - spanMs) / 1000) * 1000;
  const settings = { contracts, sizeBytes: isMixed ? null : EVENT_BYTES, from, stepMs, latencyMs };
  const server = fork(SERVER, [JSON.stringify(settings)], { execArgv: ['--import', 'tsx'] });
  const port = (await nextMessage(server)) as number;
  return {
    settings,
    url: `http://127.0.0.1:${port}`,
    events: eventsOf({ contracts }),
    requests: async () => {
      server.send('requests');
      return (await nextMessage(server)) as Requests;
    },
    close: async () => {
      const exit = once(server, 'exit');
      server.disconnect();
      await exit;
    },
  };
}

async function nextMessage(server: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  try {
    return await Promise.race([
      once(server, 'message', { signal: over.signal }).then(([message]: unknown[]) => message),
      once(server, 'exit', { signal: over.signal }).then(() => {
        throw new Error('the server of the benchmark ended');
      }),
    ]);
  } finally {
    over.abort();
  }
}
