import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { type Ended, type Place, placeFor } from '../helpers/follower.ts';
import { createRandom, hash, type Random } from '../sandbox/random.ts';
import { type Sandbox, type SandboxSettings, startSandbox } from '../sandbox/server.ts';

const COLLECT = ['--provider', 'cloudscale', '--since', '1h'];
/** Entries lie so far back at most, well behind the start. */
const OLDEST_MS = 600_000;
/** The sandbox's clock goes on with the requests: so long each time. Overtaken entries become visible with it. */
const TICK_MS = 1_000;
const LATENESS_MS = 8_000;
/** A killed run's lock counts as left behind when it was not refreshed for three seconds: so old it is made. */
const LOCK_AGE_S = 5;

const LANES: readonly SandboxSettings[] = [
  { cloudscale: { pageSize: 7 } },
  { cloudscale: { pageSize: 1 } },
  { cloudscale: { pageSize: 25 }, gzip: true },
  { cloudscale: { pageSize: 13 }, chunked: true, chunkBytes: 100 },
];
/** Times the number of lanes. */
const ROUNDS = 10;
/** A run that is not disturbed before gets no more answers: it cannot come to its end. */
const MOST_PAGES = 8;

/** A project in which entries come up faster than they are read, overtaking each other, while runs are disturbed. */
class Lane {
  readonly sandbox: Sandbox;
  readonly place: Place;
  readonly printed: string[] = [];
  readonly #random: Random;
  #ticks = 0;
  #isBusy = true;

  private constructor(sandbox: Sandbox, place: Place, random: Random) {
    this.sandbox = sandbox;
    this.place = place;
    this.#random = random;
  }

  static async open(t: TestContext, seed: number, settings: SandboxSettings): Promise<Lane> {
    const begun = Date.now();
    const sandbox = await startSandbox({ seed, lateShare: 0.4, lateMaxMs: LATENESS_MS, ...settings });
    t.after(() => sandbox.close());
    const lane = new Lane(sandbox, await placeFor(t, sandbox), createRandom(hash(seed, 'lane')));
    sandbox.options.now = () => begun + lane.#ticks * TICK_MS;
    sandbox.options.latencyMs = () => lane.#tick();
    sandbox.generateEntries({ count: 40, from: begun - OLDEST_MS, to: begun });
    return lane;
  }

  get entries(): string[] {
    return this.sandbox.entries().map(({ text }) => text);
  }

  #tick(): number {
    this.#ticks++;
    const { now, cloudscale } = this.sandbox.options;
    const count = 1 + this.#random.int(2) + 2 * cloudscale.pageSize;
    if (this.#isBusy) this.sandbox.generateEntries({ count, from: now() - LATENESS_MS, to: now() });
    return 0;
  }

  /** A run that gets this signal at some moment between its first request and what would be its end. */
  async disturbed(signal: NodeJS.Signals): Promise<Ended> {
    const random = this.#random;
    const fault = random.pick(['hang', 'hang-body'] as const);
    const hanging = this.sandbox.fail({ skip: MOST_PAGES, times: Infinity, fault: { type: fault } });
    const most = this.#requests(MOST_PAGES + 1);
    const some = this.#requests(1 + random.int(MOST_PAGES));
    const lines = 1 + random.int(MOST_PAGES * this.sandbox.options.cloudscale.pageSize);
    const run = this.place.start(COLLECT);
    const moment = random.int(2) === 0 ? some : run.until((read) => read.length >= lines);
    await Promise.race([moment, most, run.ended]);
    for (let turns = random.int(30); turns > 0; turns--) await new Promise(setImmediate);
    run.kill(signal);
    const ended = await run.ended;
    hanging.remove();
    this.printed.push(...ended.lines);
    return ended;
  }

  async #requests(count: number): Promise<void> {
    for (let left = count; left > 0; left--) await this.sandbox.nextRequest();
  }

  /** Runs once more, when all entries are visible. */
  async drain(): Promise<void> {
    this.#isBusy = false;
    this.#ticks += LATENESS_MS / TICK_MS + 1;
    const { code, lines, stderr } = await this.place.start(COLLECT).ended;
    assert.equal(code, 0, stderr);
    this.printed.push(...lines);
  }

  /** As if the next run began some seconds after this one was killed. */
  ageLock(): void {
    if (!this.place.isLocked()) return;
    const then = Date.now() / 1000 - LOCK_AGE_S;
    utimesSync(`${this.place.stateFile}.lock`, then, then);
  }
}

describe('a run that is stopped by SIGTERM', { concurrency: true }, () => {
  LANES.forEach((settings, nth) => {
    it(`loses nothing and repeats nothing: ${JSON.stringify(settings)}`, async (t) => {
      const lane = await Lane.open(t, 10 + nth, settings);
      for (let round = 0; round < ROUNDS; round++) {
        const { code, signal, stderr } = await lane.disturbed('SIGTERM');
        assert.deepEqual([code, signal], [0, null], stderr);
        assert.match(stderr, /stopped by SIGTERM|stopped; the next run goes on/);
        assert.ok(!lane.place.isLocked());
        assert.equal(lane.place.delivered(), lane.printed.length, 'all that was printed is saved');
      }
      await lane.drain();
      assert.deepEqual(lane.printed, lane.entries);
    });
  });
});

describe('a run that is killed with kill -9', { concurrency: true }, () => {
  LANES.forEach((settings, nth) => {
    it(`loses nothing, and repeats only what was not saved yet: ${JSON.stringify(settings)}`, async (t) => {
      const lane = await Lane.open(t, 20 + nth, settings);
      let unsaved = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const saved = lane.place.delivered();
        const { signal, lines, stderr } = await lane.disturbed('SIGKILL');
        assert.equal(signal, 'SIGKILL', stderr);
        unsaved += lines.length - (lane.place.delivered() - saved);
        lane.ageLock();
      }
      await lane.drain();
      const { entries, printed, place } = lane;
      const [there, seen] = [new Set(entries), new Set(printed)];
      const altered = printed.filter((line) => !there.has(line));
      assert.deepEqual(altered, []);
      const lost = entries.filter((entry) => !seen.has(entry));
      assert.deepEqual(lost, []);
      assert.equal(place.delivered(), entries.length);
      assert.equal(printed.length - entries.length, unsaved);
      t.diagnostic(`${ROUNDS} kills, ${entries.length} entries, ${unsaved} lines repeated`);
    });
  });
});
