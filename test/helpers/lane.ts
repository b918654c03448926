/** A collector at work while events come up, old and new, for tests that disturb it at moments chosen by chance. */

import { watch } from 'node:fs';
import { basename } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, hash, type Random } from '../sandbox/random.ts';
import { type Sandbox, type SandboxSettings, type StoredEvent, startSandbox } from '../sandbox/server.ts';
import { eventsOf } from './account.ts';
import { type Collector, collectorFor, type Running } from './collector.ts';

const CONTRACTS = ['9876543218374837483', '31721060', '31721061', '31721062'];
const OLD_EVENTS = 100;
const SECOND = 1000;
/** New events lie so far back at most: well inside the overlap. */
const LATENESS = 60 * SECOND;
const MAX_LATENCY_MS = 40;
const ARGS = ['--since', '1h', '--page-size', '10', '--concurrency', '2'];

export class Lane {
  readonly sandbox: Sandbox;
  readonly collector: Collector;
  readonly random: Random;
  /** Whether events come up with the requests, and answers take their time. */
  isBusy = true;

  private constructor(sandbox: Sandbox, collector: Collector, random: Random) {
    this.sandbox = sandbox;
    this.collector = collector;
    this.random = random;
  }

  static async open(t: TestContext, seed: number, settings: SandboxSettings): Promise<Lane> {
    const sandbox = await startSandbox({ seed, ...settings });
    t.after(async () => sandbox.close());
    const lane = new Lane(sandbox, await collectorFor(t, sandbox), createRandom(hash(seed, 'lane')));
    sandbox.options.latencyMs = (contract) => lane.#happen(contract);
    const now = Date.now();
    for (const contract of CONTRACTS) {
      sandbox.generate(contract, { count: OLD_EVENTS, from: now - 4 * LATENESS, to: now - SECOND });
    }
    return lane;
  }

  get events(): StoredEvent[] {
    return eventsOf(this.sandbox, CONTRACTS);
  }

  start(...args: readonly string[]): Running {
    return this.collector.start({ args: [...ARGS, ...args] });
  }

  /** Called for each request: from time to time there are new events before it is answered. */
  #happen(contract: string | undefined): number {
    if (!this.isBusy) return 0;
    if (contract !== undefined && this.random.int(4) === 0) {
      const now = Date.now();
      this.sandbox.generate(contract, { count: 1 + this.random.int(3), from: now - LATENESS, to: now - SECOND });
    }
    return this.random.int(MAX_LATENCY_MS);
  }

  /** Events delivered so far, as the state file has it. */
  get delivered(): number {
    if (!this.collector.hasState()) return 0;
    return Object.values(this.collector.state().sources).reduce((sum, { delivered }) => sum + delivered, 0);
  }

  /** Resolves at some moment between the run's first step and its end. */
  async someMoment(running: Running): Promise<void> {
    const { random, sandbox } = this;
    const over = new AbortController();
    void running.exited.then(() => over.abort());
    const lines = random.int(4 * OLD_EVENTS);
    switch (random.int(4)) {
      case 0:
        await this.#change('.lock', 1, over);
        break;
      case 1:
        await this.#change('', 1 + random.int(4), over);
        break;
      case 2:
        await running.until(() => running.lines.length > lines);
        break;
      default:
        for (let left = 1 + random.int(40); left > 0 && !over.signal.aborted; left--) {
          await Promise.race([sandbox.nextRequest(), running.exited]);
        }
    }
    if (!over.signal.aborted) await sleep(random.int(MAX_LATENCY_MS));
  }

  /** Resolves at the nth change of the state file, or of what lies beside it under its name. */
  async #change(suffix: string, nth: number, over: AbortController): Promise<void> {
    const name = basename(this.collector.stateFile) + suffix;
    const watcher = watch(this.collector.folder, { signal: over.signal });
    await new Promise<void>((resolve) => {
      let left = nth;
      watcher.on('change', (_, file) => {
        if (file === name && --left === 0) resolve();
      });
      watcher.on('close', resolve);
    });
    watcher.close();
  }
}
