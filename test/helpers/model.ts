/**
 * A collector inside of the test's own process, and the API that it asks. Both go by one clock, which stands still but
 * for what the test says. A run may meet with faults, and may be cut off at any request, write or step of a commit: then
 * it is as if it had been killed, its state as it was on the disk at that moment and its output up to there.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { main } from '../../src/cli.ts';
import { Stopped } from '../../src/lib/run.ts';
import type { World } from '../../src/lib/world.ts';
import { type Fault, type Sandbox, type SandboxSettings, type StoredEvent, startSandbox } from '../sandbox/server.ts';
import { eventsOf } from './account.ts';
import { watchCommits, type CommitStep, type Half } from './commit-steps.ts';
import { journalOf, savedState } from './saved-state.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const CONTRACTS = ['9876543218374837483', '31721060', '31721061'] as const;
const START = Date.parse('2026-11-21T20:30:00Z');
const SECOND = 1000;

export interface Arrival {
  readonly contract: string;
  /** How long ago it happened when it comes up. */
  readonly agoMs: number;
}

export interface Step {
  /** Since the run before. */
  readonly pauseMs: number;
  /** What the clock goes on with each request. */
  readonly tickMs: number;
  /** Events that come up during the pause. */
  readonly before: readonly Arrival[];
  /** Events that come up with this request and the ones after it, one each. */
  readonly during: readonly Arrival[];
  readonly duringFrom: number;
  /** Each played once, at the request with this number. */
  readonly faults: readonly { readonly fault: Fault; readonly at: number }[];
  readonly end: {
    readonly kind: 'by itself' | 'killed' | 'stopped';
    readonly at: 'request' | 'write' | 'commit';
    readonly nth: number;
  };
}

export const QUIET: Step = {
  pauseMs: 2 * SECOND,
  tickMs: 0,
  before: [],
  during: [],
  duringFrom: 0,
  faults: [],
  end: { kind: 'by itself', at: 'request', nth: 0 },
};

export class Model {
  readonly sandbox: Sandbox;
  /** Whole lines of all runs. */
  readonly printed: Buffer[] = [];
  runs = 0;
  kills = 0;
  /** The steps of a commit at which runs were killed. */
  readonly killedAt: CommitStep[] = [];
  /** Printed by runs that were killed, and not in the state file when that happened. */
  unsaved = 0;
  /** What the last run said. */
  readonly said: string[] = [];
  readonly #stateFile: string;
  readonly #args: readonly string[];
  #now = START;

  private constructor(sandbox: Sandbox, stateFile: string, pageSize: number, args: readonly string[]) {
    this.sandbox = sandbox;
    this.#stateFile = stateFile;
    const since = new Date(START - 300 * SECOND).toISOString();
    const options = { 'api-url': sandbox.url, 'state-file': stateFile, since, 'page-size': `${pageSize}` };
    this.#args = [...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]), ...args];
  }

  static async open(
    settings: SandboxSettings,
    stateFile: string,
    pageSize: number,
    args: readonly string[] = [],
  ): Promise<Model> {
    const clock = { now: () => START };
    const sandbox = await startSandbox({ ...settings, now: () => clock.now() });
    const model = new Model(sandbox, stateFile, pageSize, args);
    clock.now = () => model.#now;
    for (const contract of CONTRACTS) sandbox.addContract(contract);
    return model;
  }

  get now(): number {
    return this.#now;
  }

  /** Another command for the same state; its exit code. */
  async command(name: string, ...args: readonly string[]): Promise<number> {
    return this.commandIn({}, name, ...args);
  }

  /** The same in a world that differs in this. */
  async commandIn(world: Partial<World>, name: string, ...args: readonly string[]): Promise<number> {
    this.said.splice(0);
    return main([name, '--state-file', this.#stateFile, ...args], {
      env: { IONOS_API_TOKEN: 'sandbox-token', IONOS_API_URL: this.sandbox.url },
      stdout: new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          this.said.push(chunk.toString());
          done();
        },
      }),
      log: { write: (line) => void this.said.push(line), journal: false },
      signal: new AbortController().signal,
      now: () => this.#now,
      monotonic: () => this.#now,
      pause: noPause,
      random: () => 0,
      ...world,
    });
  }

  async close(): Promise<void> {
    await this.sandbox.close();
  }

  get events(): StoredEvent[] {
    return eventsOf(this.sandbox, CONTRACTS);
  }

  /** Quiet runs, until nothing more can come: what is not printed by now is lost. */
  async settle(): Promise<void> {
    for (let nth = 0; nth < 2; nth++) assert.equal(await this.run(QUIET), 0, this.said.join(''));
  }

  /** One run and what happens around it; its exit code. */
  async run(step: Step): Promise<number> {
    this.#now += step.pauseMs;
    for (const arrival of step.before) this.#happen(arrival);
    const stop = new AbortController();
    const lines: Buffer[] = [];
    const delivered = this.#delivered();
    let remains: Remains | undefined;

    const mayEnd = (at: Step['end']['at'], nth: number, half?: Half): boolean => {
      if (step.end.kind === 'by itself' || step.end.at !== at || step.end.nth !== nth) return false;
      if (step.end.kind === 'killed') remains = this.#remains(half);
      stop.abort(new Stopped('stopped by SIGTERM'));
      return step.end.kind === 'killed';
    };

    let requests = 0;
    const rules = [
      // Fits nothing: it only looks.
      this.sandbox.fail({
        match: () => {
          const arrival = step.during[requests - step.duringFrom];
          if (arrival !== undefined) this.#happen(arrival);
          this.#now += step.tickMs;
          mayEnd('request', requests++);
          return false;
        },
        fault: { type: 'hang' },
      }),
      ...step.faults.map(({ fault, at }) => this.sandbox.fail({ match: () => requests > at, fault })),
    ];

    let writes = 0;
    const stdout = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        mayEnd('write', writes++);
        // What a killed run was about to write has not left it.
        if (remains === undefined) lines.push(...linesOf(Buffer.from(chunk))); // a copy: the memory is used again
        setImmediate(done);
      },
    });
    let commitSteps = 0;
    const stopWatching = await watchCommits(this.#stateFile, (name, half) => {
      if (mayEnd('commit', commitSteps++, half)) this.killedAt.push(name);
    });
    this.said.splice(0);
    const code = await main(this.#args, {
      env: { IONOS_API_TOKEN: 'sandbox-token' },
      stdout,
      log: { write: (line) => void this.said.push(line), journal: false },
      signal: stop.signal,
      now: () => this.#now,
      monotonic: () => this.#now,
      pause: noPause,
      random: () => 0,
    });
    for (const rule of rules) rule.remove();
    stopWatching();

    this.runs++;
    this.printed.push(...lines);
    if (remains !== undefined) {
      this.kills++;
      this.#restore(remains);
      this.unsaved += lines.length - (this.#delivered() - delivered);
    }
    return code;
  }

  #happen({ contract, agoMs }: Arrival): void {
    const time = this.#now - agoMs;
    this.sandbox.generate(contract, { count: 1, from: time, to: time + 1 });
  }

  #delivered(): number {
    if (!existsSync(this.#stateFile)) return 0;
    const { sources } = savedState(this.#stateFile);
    return Object.values(sources).reduce((sum, source) => sum + source.delivered, 0);
  }

  /** What is on the disk, but for a file of which half was written. */
  #remains(half?: Half): Remains {
    const files = new Map<string, Buffer | undefined>();
    for (const file of this.#files) files.set(file, existsSync(file) ? readFileSync(file) : undefined);
    if (half !== undefined) files.set(half.file, half.content);
    return [...files];
  }

  #restore(remains: Remains): void {
    const left = new Set(remains.map(([file]) => file));
    for (const file of this.#files) if (!left.has(file)) rmSync(file);
    for (const [file, content] of remains) {
      if (content === undefined) rmSync(file, { force: true });
      else writeFileSync(file, content);
    }
  }

  get #files(): string[] {
    return [this.#stateFile, ...journalOf(this.#stateFile)];
  }
}

/** The clock goes by the steps alone. */
async function noPause(_ms: number, signal: AbortSignal): Promise<void> {
  await immediate();
  signal.throwIfAborted();
}

type Remains = readonly (readonly [file: string, content: Buffer | undefined])[];

function linesOf(chunk: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
    lines.push(chunk.subarray(start, end));
    start = end + 1;
  }
  assert.equal(start, chunk.length, 'whole lines');
  return lines;
}

/** A model with pages of 100, whose state is in a new folder. Both are gone after the test. */
export async function modelFor(t: TestContext, settings: SandboxSettings = {}, ...args: string[]): Promise<Model> {
  const one = await Model.open(settings, join(await temporaryFolder(t), 'state.json'), 100, args);
  t.after(async () => one.close());
  return one;
}

/** An undisturbed run after a pause, which must end with 0. Returns what it said. */
export async function pass(m: Model, pauseMs: number, before: readonly Arrival[] = []): Promise<string> {
  assert.equal(await m.run({ ...QUIET, pauseMs, before }), 0, m.said.join(''));
  return m.said.join('');
}
