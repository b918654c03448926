import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { collectorFor } from '../helpers/collector.ts';
import { type Ended, type Follower, type Place, placeFor } from '../helpers/follower.ts';
import { stalled } from '../helpers/process-status.ts';
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

const EXACT = [
  '{"timestamp":"2026-11-21T20:30:00.000001Z","n":[9007199254740993,1.0,1e400,-0],"a":1,"a":2}',
  '{"timestamp":"2026-11-21T20:30:00.000002Z","s":"\\ud83d\\/\\u0041","u":"\u2028ü🚀"}',
  '{"ip_address":null , "action" : "server_create","timestamp":"2026-11-21T20:30:00.000003Z"}',
  '{"n":"alike"}',
  '{"n":"alike"}',
  '{}',
];

interface Scene {
  readonly sandbox: Sandbox;
  readonly place: Place;
}

async function scene(t: TestContext, settings: SandboxSettings = {}): Promise<Scene> {
  const sandbox = await startSandbox(settings);
  t.after(() => sandbox.close());
  return { sandbox, place: await placeFor(t, sandbox) };
}

/** Entries of just now, sent as they are. */
function add(sandbox: Sandbox, raws: readonly string[], token?: string): void {
  const time = Date.now() - 60_000;
  sandbox.addEntries(
    raws.map((raw) => ({ raw, time })),
    token,
  );
}

async function printedBy(run: Follower): Promise<readonly string[]> {
  const { code, lines, stderr } = await run.ended;
  assert.equal(code, 0, stderr);
  return lines;
}

describe('what is printed', { concurrency: true }, () => {
  it('is each entry byte for byte, once', async (t) => {
    const { sandbox, place } = await scene(t, { cloudscale: { pageSize: 2 } });
    add(sandbox, EXACT);
    assert.deepEqual(await printedBy(place.start(COLLECT)), EXACT);
    assert.deepEqual(await printedBy(place.start(COLLECT)), []);
    assert.match(sandbox.requests.at(-1)?.url ?? '', /cursor=/);
  });

  it('is each entry behind the fields that are asked for', async (t) => {
    const { sandbox, place } = await scene(t);
    add(sandbox, EXACT);
    const lines = await printedBy(place.start([...COLLECT, '--add-fields', 'time,event_type,provider']));
    const time = (micros: number): string => `"time":"2026-11-21T20:30:00.00000${micros}Z",`;
    const provider = '"provider":"cloudscale"';
    assert.deepEqual(lines, [
      `{${time(1)}${provider},${EXACT[0]?.slice(1) ?? ''}`,
      `{${time(2)}${provider},${EXACT[1]?.slice(1) ?? ''}`,
      `{${time(3)}"event_type":"server_create",${provider},${EXACT[2]?.slice(1) ?? ''}`,
      `{${provider},"n":"alike"}`,
      `{${provider},"n":"alike"}`,
      `{${provider}}`,
    ]);
  });

  it('is a stub of an entry that is too long, which is kept in full', async (t) => {
    const { sandbox, place } = await scene(t);
    const head = '"ip_address":null,"action":"server_create","timestamp":"2026-11-21T20:30:00.000001Z"';
    const tail = '"actor":{"system":{}},"subject":{"type":"server"}';
    const long = `{${head},"message":"${'x'.repeat(5_000)}",${tail}}`;
    add(sandbox, ['{"n":1}', long, '{"n":2}']);
    const [before, stub = '', after] = await printedBy(place.start([...COLLECT, '--max-line-bytes', '4096']));
    assert.deepEqual([before, after], ['{"n":1}', '{"n":2}']);
    const file = join(place.folder, 'oversize.jsonl');
    assert.deepEqual(JSON.parse(stub), {
      timestamp: '2026-11-21T20:30:00.000001Z',
      ip_address: null,
      action: 'server_create',
      actor: { system: {} },
      subject: { type: 'server' },
      _truncated: { bytes: long.length, file },
    });
    assert.equal(readFileSync(file, 'utf8'), `${long}\n`);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(await printedBy(place.start(COLLECT)), []);
  });

  it('with --peek is remembered nowhere, and is the same the next time', async (t) => {
    const { sandbox, place } = await scene(t, { cloudscale: { pageSize: 2 } });
    add(sandbox, EXACT);
    for (let times = 0; times < 2; times++) {
      assert.deepEqual(await printedBy(place.start([...COLLECT, '--peek'])), EXACT);
    }
    assert.deepEqual(readdirSync(place.folder), []);
  });

  it('with --peek comes also while another run holds the lock', async (t) => {
    const { sandbox, place } = await scene(t);
    add(sandbox, EXACT);
    sandbox.fail({ fault: { type: 'hang' } });
    const asked = sandbox.nextRequest();
    const holder = place.start(COLLECT);
    await asked;
    assert.ok(place.isLocked());
    const state = place.stateText();
    assert.deepEqual(await printedBy(place.start([...COLLECT, '--peek'])), EXACT);
    assert.ok(place.isLocked());
    assert.equal(place.stateText(), state);
    assert.equal((await place.start(COLLECT).ended).code, 75);
    holder.kill('SIGTERM');
    assert.equal((await holder.ended).code, 0);
  });
});

describe('a page that is printed in part', () => {
  /** A stopped run finishes nothing but its line after half a second, and gives stdout up after a second. */
  const BETWEEN_MS = 650;

  it('is gone on with behind what was delivered, alike entries among it', async (t) => {
    const { sandbox } = await scene(t, { cloudscale: { pageSize: 1000 } });
    const raws = Array.from({ length: 600 }, (_, n) => `{"n":${n % 3},"x":"${'x'.repeat(2000)}"}`);
    add(sandbox, raws);
    const collector = await collectorFor(t, sandbox);
    const env = { CLOUDSCALE_API_TOKEN: 'sandbox-token' };
    const asked = sandbox.nextRequest();
    const run = collector.start({ args: COLLECT, env, reading: false });
    await asked;
    await stalled(run.pid);
    run.kill('SIGTERM');
    await sleep(BETWEEN_MS);
    run.read();
    const { code, lines } = await run.ended;
    assert.equal(code, 0);
    assert.ok(lines.length > 0 && lines.length < raws.length, `${lines.length} lines`);
    const { delivered } = collector.state().sources['cloudscale/project'] ?? {};
    if (delivered !== lines.length) {
      t.skip('the machine was so slow that stdout was given up');
      return;
    }
    for (const rest of [raws.length - lines.length, 0]) {
      assert.equal((await collector.start({ args: COLLECT, env }).ended).lines.length, rest);
    }
    assert.deepEqual(collector.printed.map(String).toSorted(), raws.toSorted());
  });
});

describe('two projects', () => {
  it('are two inputs, each with its token file and its state file', async (t) => {
    const { sandbox } = await scene(t, { cloudscale: { pageSize: 3 } });
    const projects = await Promise.all(
      ['first-token', 'second-token'].map(async (token) => {
        const place = await placeFor(t, sandbox);
        const tokenFile = join(place.folder, 'token');
        writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
        const poll = async (): Promise<readonly string[]> =>
          printedBy(place.start([...COLLECT, '--token-file', tokenFile], { CLOUDSCALE_API_TOKEN: 'not-this-one' }));
        return { token, place, poll };
      }),
    );
    for (const round of [1, 2]) {
      const expected = projects.map(({ token }, nth) => {
        const raws = Array.from({ length: 5 + nth }, (_, n) => `{"of":"${token}","round":${round},"n":${n}}`);
        add(sandbox, raws, token);
        return raws;
      });
      assert.deepEqual(await Promise.all(projects.map(({ poll }) => poll())), expected);
    }
    assert.deepEqual(
      projects.map(({ place }) => place.delivered()),
      [10, 12],
    );
  });

  it('with one state file stand in each other’s way, and that is said', async (t) => {
    const { sandbox, place } = await scene(t);
    add(sandbox, ['{"n":1}']);
    sandbox.fail({ fault: { type: 'hang' } });
    const asked = sandbox.nextRequest();
    const first = place.start(COLLECT);
    await asked;
    const { code, stderr } = await place.start(COLLECT).ended;
    assert.equal(code, 75);
    assert.match(stderr, /another run holds the lock/);
    first.kill('SIGTERM');
    await first.ended;
  });
});
