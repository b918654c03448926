import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExitCode } from '../../src/lib/errors.ts';
import { Stopped } from '../../src/lib/run.ts';
import type { Terminal } from '../../src/lib/world.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { tokenFor } from '../helpers/checked-machine.ts';
import { serveMetrics } from '../helpers/fluent-bit-metrics.ts';
import { type Place, placeFor } from '../helpers/follower.ts';
import { cpuTicks, stalled } from '../helpers/process-status.ts';
import { type Pause, Pauses } from '../helpers/pauses.ts';
import { runCommand } from '../helpers/run-command.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { skipPause } from '../helpers/test-client.ts';
import { NOW } from '../sandbox/exchange.ts';
import {
  type Fault,
  gatewayPage,
  retryLater,
  type Sandbox,
  type SandboxSettings,
  startSandbox,
} from '../sandbox/server.ts';

const CONTRACT = '9876543218374837483';
const INTERVAL_MS = 120_000;
/** How long an outage is waited out, from its beginning. */
const GROWING_MS = [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000];
const OUTAGES: readonly Fault[] = [
  { type: 'status', status: 500 },
  { type: 'status', status: 403 },
  gatewayPage(502),
  { type: 'reset' },
  { type: 'body', body: '{}' },
  { type: 'cut', afterBytes: 10 },
];
const PROVIDERS = ['cloudscale', 'ionos'] as const;
type ProviderName = (typeof PROVIDERS)[number];

/** A sandbox whose clock stands still until it is moved, and a follower in this process that shares the clock. */
class Scene {
  readonly sandbox: Sandbox;
  readonly provider: ProviderName;
  readonly stateFile: string;
  readonly lines: string[] = [];
  readonly messages: string[] = [];
  now = NOW;
  terminal: Terminal | undefined;
  env: NodeJS.ProcessEnv = {};
  /** What stdout answers each write with. */
  stdoutError: Error | undefined;
  readonly #pauses = new Pauses();
  readonly #stop = new AbortController();

  private constructor(sandbox: Sandbox, provider: ProviderName, folder: string) {
    this.sandbox = sandbox;
    this.provider = provider;
    this.stateFile = join(folder, 'state.json');
    sandbox.options.now = () => this.now;
    sandbox.addContract(CONTRACT);
  }

  static async open(t: TestContext, provider: ProviderName, settings: SandboxSettings = {}): Promise<Scene> {
    const sandbox = await startSandbox({ now: () => NOW, ...settings });
    t.after(() => sandbox.close());
    return new Scene(sandbox, provider, await temporaryFolder(t));
  }

  /** New entries, or events, of the last minute. */
  add(count: number): void {
    const range = { count, from: this.now - 60_000, to: this.now - 1_000 };
    if (this.provider === 'cloudscale') this.sandbox.generateEntries(range);
    else this.sandbox.generate(CONTRACT, range);
  }

  get truth(): string[] {
    const { sandbox, provider } = this;
    const events = provider === 'cloudscale' ? sandbox.entries() : sandbox.events(CONTRACT);
    return events.map(({ text }) => text);
  }

  /** Everything was printed, once. */
  assertAllPrinted(): void {
    assert.deepEqual(this.lines.toSorted(), this.truth.toSorted());
  }

  assertAllSaved(): void {
    assert.equal(this.delivered, this.truth.length);
  }

  get delivered(): number {
    const { sources } = JSON.parse(readFileSync(this.stateFile, 'utf8')) as {
      sources: Record<string, { delivered: number }>;
    };
    return Object.values(sources).reduce((sum, { delivered }) => sum + delivered, 0);
  }

  get isLocked(): boolean {
    return ['.lock', '.owner'].some((suffix) => existsSync(this.stateFile + suffix));
  }

  /** Messages that a person sees, but for the one about where a new source begins, which has a test of its own. */
  get said(): string[] {
    return this.messages.splice(0).filter((line) => !line.includes(' no cursor for '));
  }

  follow(...options: string[]): Follow {
    const { sandbox, provider, stateFile } = this;
    const args = ['follow', '--provider', provider, '--api-url', sandbox.url, '--state-file', stateFile, ...options];
    const run = runCommand(args, {
      env: { IONOS_API_TOKEN: 'sandbox-token', CLOUDSCALE_API_TOKEN: 'sandbox-token', ...this.env },
      stdout: new Writable({
        write: (chunk: Buffer, _encoding, callback) => {
          if (this.stdoutError === undefined) this.lines.push(...chunk.toString().split('\n').slice(0, -1));
          callback(this.stdoutError);
        },
      }),
      log: { write: (line) => this.messages.push(line.trimEnd()), journal: false },
      signal: this.#stop.signal,
      now: () => this.now,
      pause: this.#pauses.pause,
      terminal: this.terminal,
    });
    const exitCode = run.then((result) => result.exitCode);
    const ended = exitCode.then((code) => {
      throw new Error(`follow ended with ${code}: ${this.messages.join('\n')}`);
    });
    ended.catch(() => undefined);
    return {
      exitCode,
      pause: () => Promise.race([this.#pauses.next(), ended]),
      stop: () => {
        this.#stop.abort(new Stopped('stopped by SIGINT'));
        return exitCode;
      },
    };
  }

  /** Lets the pause, and so much time, pass. */
  pass(pause: Pause): void {
    this.now += pause.ms;
    pause.end();
  }
}

interface Follow {
  readonly exitCode: Promise<ExitCode>;
  /** Where it waits for the next poll. Rejects when it ends instead. */
  pause(): Promise<Pause>;
  stop(): Promise<ExitCode>;
}

async function holdLock(t: TestContext, file: string): Promise<StateStore> {
  const store = await StateStore.open({
    file,
    log: captureLog(),
    signal: new AbortController().signal,
    now: Date.now,
    pause: skipPause,
    initialLastRun: new Date(NOW).toISOString(),
    onFailure: () => undefined,
  });
  t.after(() => store.close());
  return store;
}

it('follow says once what each poll has to say: a contract that is refused', async (t) => {
  const scene = await Scene.open(t, 'ionos', { forbiddenContracts: ['31721060'] });
  scene.sandbox.addContract('31721060');
  const follow = scene.follow();
  for (let poll = 0; poll < 3; poll++) scene.pass(await follow.pause());
  await follow.pause();
  assert.equal(await follow.stop(), ExitCode.Done);
  assert.equal(scene.said.filter((line) => line.includes('ionos/31721060')).length, 1);
});

for (const provider of PROVIDERS) {
  describe(`follow, ${provider}`, () => {
    it('prints what arrives from poll to poll, saves it, and holds no lock in between', async (t) => {
      const scene = await Scene.open(t, provider, { lateShare: 0.3, cloudscale: { pageSize: 3 } });
      const follow = scene.follow();
      for (let poll = 0; poll < 5; poll++) {
        scene.add(7);
        const asked = scene.sandbox.nextRequest().then(() => scene.isLocked);
        const pause = await follow.pause();
        assert.ok(await asked, 'a poll has the lock');
        assert.equal(pause.ms, INTERVAL_MS);
        assert.ok(!scene.isLocked, 'a pause has not');
        assert.equal(scene.delivered, scene.lines.length);
        scene.pass(pause);
      }
      await follow.pause();
      scene.assertAllPrinted();
      scene.assertAllSaved();
      assert.equal(await follow.stop(), ExitCode.Done);
      assert.ok(!scene.isLocked);
      assert.deepEqual(scene.said, [
        `fetch-activity-logs: following ${new URL(scene.sandbox.url).host}, every 2 min; Ctrl-C ends it`,
      ]);
    });

    it('goes on where another run ended, and another run where it ended', async (t) => {
      const scene = await Scene.open(t, provider);
      scene.add(5);
      const follow = scene.follow();
      await follow.pause();
      assert.equal(await follow.stop(), ExitCode.Done);
      scene.now += INTERVAL_MS;
      scene.add(5);
      const { sandbox, stateFile } = scene;
      const args = ['--provider', provider, '--api-url', sandbox.url, '--state-file', stateFile];
      const env = { IONOS_API_TOKEN: 'sandbox-token', CLOUDSCALE_API_TOKEN: 'sandbox-token' };
      const { stdout, exitCode } = await runCommand(args, { env, now: () => scene.now });
      assert.equal(exitCode, ExitCode.Done);
      scene.lines.push(...stdout.split('\n').slice(0, -1));
      scene.assertAllPrinted();
    });

    it('waits an outage out with growing pauses, and says so twice, whatever it is', async (t) => {
      const scene = await Scene.open(t, provider);
      const follow = scene.follow();
      let pause = await follow.pause();
      scene.messages.length = 0;
      for (const [index, fault] of OUTAGES.entries()) {
        const rule = scene.sandbox.fail({ times: Infinity, fault });
        const waits = GROWING_MS.slice(0, index === 0 ? GROWING_MS.length : 2);
        for (const [nth, ms] of waits.entries()) {
          scene.pass(pause);
          pause = await follow.pause();
          assert.equal(pause.ms, ms);
          assert.ok(!scene.isLocked);
          scene.add(1);
          if (nth === waits.length - 1) rule.remove();
        }
        scene.pass(pause);
        pause = await follow.pause();
        assert.equal(pause.ms, INTERVAL_MS);
        const [begin = '', end = '', ...others] = scene.said;
        assert.match(begin, /^fetch-activity-logs: error: .*\. Retrying$/);
        assert.equal(end, `fetch-activity-logs: recovered after ${index === 0 ? '15 min' : '15 s'}`);
        assert.deepEqual(others, []);
        scene.assertAllPrinted();
        scene.assertAllSaved();
      }
      assert.equal(await follow.stop(), ExitCode.Done);
    });

    it('waits as long as the server asks for', async (t) => {
      const scene = await Scene.open(t, provider);
      scene.sandbox.fail({ fault: retryLater(503, 600) });
      scene.add(3);
      const follow = scene.follow();
      const pause = await follow.pause();
      assert.equal(pause.ms, 600_000);
      scene.pass(pause);
      assert.equal((await follow.pause()).ms, INTERVAL_MS);
      scene.assertAllPrinted();
      assert.equal(await follow.stop(), ExitCode.Done);
    });

    it('asks after an hour where the server asks for more: Node would fire a timer of 25 days and more at once', async (t) => {
      const scene = await Scene.open(t, provider);
      scene.sandbox.fail({ fault: retryLater(503, 10_000_000) });
      const follow = scene.follow();
      assert.equal((await follow.pause()).ms, 3_600_000);
      assert.equal(await follow.stop(), ExitCode.Done);
    });

    it('waits out an outage that is there from the start, and ends in it when it is told to', async (t) => {
      const scene = await Scene.open(t, provider);
      const rule = scene.sandbox.fail({ times: Infinity, fault: { type: 'status', status: 503 } });
      scene.add(3);
      const follow = scene.follow();
      scene.pass(await follow.pause());
      const second = await follow.pause();
      rule.remove();
      scene.pass(second);
      assert.equal((await follow.pause()).ms, INTERVAL_MS);
      scene.assertAllPrinted();
      assert.equal(scene.said.length, 3);
      assert.equal(await follow.stop(), ExitCode.Done);
      scene.assertAllSaved();

      const other = await Scene.open(t, provider);
      other.sandbox.fail({ times: Infinity, fault: { type: 'status', status: 503 } });
      const waiting = other.follow();
      assert.equal((await waiting.pause()).ms, 5_000);
      assert.equal(await waiting.stop(), ExitCode.Done);
      assert.ok(!other.isLocked);
    });

    it('ends with 1 when the token was never accepted, also after an outage', async (t) => {
      const scene = await Scene.open(t, provider);
      const outage = scene.sandbox.fail({ times: Infinity, fault: { type: 'status', status: 403 } });
      const follow = scene.follow();
      const pause = await follow.pause();
      outage.remove();
      scene.sandbox.fail({ times: Infinity, fault: { type: 'status', status: 401 } });
      scene.pass(pause);
      assert.equal(await follow.exitCode, ExitCode.NothingCollected);
      assert.match(scene.said.at(-1) ?? '', /^fetch-activity-logs: error: .*does not accept the token[^\n]*$/);
      assert.ok(!scene.isLocked);
    });

    it('waits an hour at most, however long the server asks for', async (t) => {
      const scene = await Scene.open(t, provider);
      scene.sandbox.fail({ fault: retryLater(503, 9_999_999_999) });
      const follow = scene.follow();
      assert.equal((await follow.pause()).ms, 3_600_000);
      assert.equal(await follow.stop(), ExitCode.Done);
    });

    it('says on a terminal when it tries again', async (t) => {
      const scene = await Scene.open(t, provider);
      const rule = scene.sandbox.fail({ times: Infinity, fault: { type: 'status', status: 503 } });
      scene.terminal = { columns: 80 };
      const follow = scene.follow();
      scene.pass(await follow.pause());
      const second = await follow.pause();
      rule.remove();
      scene.pass(second);
      await follow.pause();
      const said = scene.said.map((line) => line.replace(/^.*?: /, ''));
      assert.match(said[1] ?? '', /HTTP 503.*; attempt 2 of 5 in \S+ s$/);
      assert.deepEqual(said.filter((line) => line.startsWith('next')), ['next attempt in 5 s', 'next attempt in 10 s']); // prettier-ignore
      assert.equal(await follow.stop(), ExitCode.Done);
    });

    it('says where it begins, as a poll does, and leaves out what the filter names', async (t) => {
      const scene = await Scene.open(t, provider);
      scene.add(4);
      const types = scene.truth.map((text) => {
        const { event, action } = JSON.parse(text) as { event?: { type: string }; action?: string };
        return event?.type ?? action ?? '';
      });
      const follow = scene.follow('--exclude-types', types[0] ?? '');
      await follow.pause();
      assert.deepEqual(scene.lines.toSorted(), scene.truth.filter((_, n) => types[n] !== types[0]).toSorted());
      assert.match(scene.messages.join('\n'), /: no cursor for \S+ in \S+: beginning at /);
      assert.equal(await follow.stop(), ExitCode.Done);
    });

    it('with --peek goes on beside a run that holds the lock, and prints each once', async (t) => {
      const scene = await Scene.open(t, provider);
      await holdLock(t, scene.stateFile);
      const state = readFileSync(scene.stateFile);
      const follow = scene.follow('--peek');
      scene.add(4);
      for (let poll = 0; poll < 3; poll++) {
        scene.pass(await follow.pause());
        scene.add(4);
      }
      const pause = await follow.pause();
      const outage = scene.sandbox.fail({ times: Infinity, fault: { type: 'status', status: 500 } });
      scene.add(4);
      scene.pass(pause);
      const failed = await follow.pause();
      assert.equal(failed.ms, 5_000);
      outage.remove();
      scene.pass(failed);
      await follow.pause();
      scene.assertAllPrinted();
      assert.deepEqual(readFileSync(scene.stateFile), state);
      assert.ok(scene.isLocked);
      assert.equal(await follow.stop(), ExitCode.Done);
    });

    it('ends with 75 and a hint when the lock is held from the start', async (t) => {
      const scene = await Scene.open(t, provider);
      await holdLock(t, scene.stateFile);
      assert.equal(await scene.follow().exitCode, ExitCode.Locked);
      assert.match(scene.said.at(-1) ?? '', /another run holds the lock on .*; use --peek to follow without the lock$/);
      assert.equal(scene.sandbox.requests.length, 0);
    });

    it('waits for the lock when another run takes it between two polls', async (t) => {
      const scene = await Scene.open(t, provider);
      const follow = scene.follow();
      scene.add(3);
      const pause = await follow.pause();
      scene.messages.length = 0;
      const holder = await holdLock(t, scene.stateFile);
      scene.pass(pause);
      const locked = await follow.pause();
      assert.equal(locked.ms, 5_000);
      scene.add(3);
      await holder.close();
      scene.pass(locked);
      assert.equal((await follow.pause()).ms, INTERVAL_MS);
      scene.assertAllPrinted();
      const [begin = '', end = '', ...others] = scene.said;
      assert.match(begin, /another run holds the lock.*Retrying$/);
      assert.match(end, /recovered after/);
      assert.deepEqual(others, []);
      assert.equal(await follow.stop(), ExitCode.Done);
    });

    it('ends with 4 when stdout is closed, and what was not printed is not saved', async (t) => {
      const scene = await Scene.open(t, provider);
      const follow = scene.follow();
      scene.add(3);
      const pause = await follow.pause();
      scene.add(3);
      scene.stdoutError = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
      scene.pass(pause);
      assert.equal(await follow.exitCode, ExitCode.NotDelivered);
      assert.equal(scene.delivered, 3);
      assert.ok(!scene.isLocked);
    });
  });
}

describe('follow, ionos', () => {
  it("waits out a token's rotation: the old one refused, its file gone, the new one there", async (t) => {
    const scene = await Scene.open(t, 'ionos');
    const tokenFile = `${scene.stateFile}.token`;
    writeFileSync(tokenFile, 'sandbox-token');
    scene.add(3);
    const follow = scene.follow('--token-file', tokenFile);
    const pause = await follow.pause();
    scene.messages.length = 0;
    scene.sandbox.options.token = 'new-token';
    scene.pass(pause);
    const refused = await follow.pause();
    assert.equal(refused.ms, 5_000);
    rmSync(tokenFile);
    scene.pass(refused);
    const missing = await follow.pause();
    assert.equal(missing.ms, 10_000);
    writeFileSync(tokenFile, 'new-token');
    scene.add(3);
    scene.pass(missing);
    assert.equal((await follow.pause()).ms, INTERVAL_MS);
    scene.assertAllPrinted();
    const [begin = '', end = '', ...others] = scene.said;
    assert.match(begin, /error: .*does not accept the token.*Retrying$/);
    assert.match(end, /recovered after 15 s$/);
    assert.deepEqual(others, []);
    assert.equal(await follow.stop(), ExitCode.Done);
  });

  it('says once what each poll has to warn of', async (t) => {
    const scene = await Scene.open(t, 'ionos');
    const expiresSoon = { exp: Math.floor(NOW / 1000) + 86_400 };
    const token = ['{}', JSON.stringify(expiresSoon), ''].map((part) => Buffer.from(part).toString('base64url')).join('.'); // prettier-ignore
    scene.sandbox.options.token = token;
    const tokenFile = `${scene.stateFile}.token`;
    writeFileSync(tokenFile, token);
    const follow = scene.follow('--token-file', tokenFile);
    for (let poll = 0; poll < 3; poll++) (await follow.pause()).end();
    await follow.pause();
    assert.equal(scene.said.filter((line) => line.includes('warning: the token')).length, 1);
    assert.equal(await follow.stop(), ExitCode.Done);
  });
});

describe('follow beside a Fluent Bit', () => {
  async function fluentBit(t: TestContext, paused: boolean): Promise<string[]> {
    const inputs = new Map([['activity_log', { records: 0, bytes: 0, paused }]]);
    const picture = { inputs, uptimeSec: 60, startedAt: NOW / 1000 - 60 };
    const server = await serveMetrics({ picture: () => picture, uptimeSec: () => 60 }, 0);
    t.after(() => server.close());
    return ['--ack-url', `http://127.0.0.1:${server.port}`];
  }

  it('that is paused waits for the next poll, and says so once', async (t) => {
    const scene = await Scene.open(t, 'ionos');
    scene.add(3);
    const follow = scene.follow(...(await fluentBit(t, true)));
    for (let poll = 0; poll < 3; poll++) {
      const pause = await follow.pause();
      assert.equal(pause.ms, INTERVAL_MS);
      scene.pass(pause);
    }
    await follow.pause();
    assert.equal(await follow.stop(), ExitCode.Done);
    assert.equal(scene.said.filter((line) => line.includes('paused')).length, 1);
  });

  it('that does not count what is printed ends with 4', async (t) => {
    const scene = await Scene.open(t, 'ionos');
    scene.env = { ACTIVITY_LOG_ACK_PATIENCE: '0' };
    scene.add(3);
    assert.equal(await scene.follow(...(await fluentBit(t, false))).exitCode, ExitCode.NotDelivered);
  });
});

it('follow polls again at once after a poll that the deadline ended', async (t) => {
  const scene = await Scene.open(t, 'ionos');
  scene.add(10);
  scene.sandbox.fail({ match: ({ pageIndex }) => pageIndex === 'later', fault: { type: 'hang' } });
  const follow = scene.follow('--page-size', '4', '--deadline', '1s');
  // On a slow machine, the deadline may come before the first page: that is an outage.
  for (let pause = await follow.pause(); pause.ms !== INTERVAL_MS; pause = await follow.pause()) scene.pass(pause);
  scene.assertAllPrinted();
  assert.equal(await follow.stop(), ExitCode.Done);
});

it('follow says why nothing could be collected, whatever else there is to warn of', async (t) => {
  const scene = await Scene.open(t, 'ionos', { forbiddenContracts: [CONTRACT] });
  const token = tokenFor(1);
  scene.sandbox.options.token = token;
  const tokenFile = `${scene.stateFile}.token`;
  writeFileSync(tokenFile, token);
  const follow = scene.follow('--token-file', tokenFile);
  await follow.pause();
  const said = scene.said.filter((line) => !line.includes(': following '));
  assert.match(said.join('\n'), /^fetch-activity-logs: error: ionos\/\d+: the token may not read this .*\. Retrying$/);
  assert.equal(await follow.stop(), ExitCode.Done);
});

it('follow without a token says only that, and does not greet first', async () => {
  const { exitCode, stderr } = await runCommand(['follow', '--peek'], { env: {} });
  assert.equal(exitCode, ExitCode.NothingCollected);
  assert.match(stderr, /^fetch-activity-logs: error: no API token: [^\n]*\n$/);
});

describe('follow, cloudscale', () => {
  it('says once that the stored cursor is stale, and goes on', async (t) => {
    const scene = await Scene.open(t, 'cloudscale');
    scene.add(3);
    const follow = scene.follow();
    const pause = await follow.pause();
    scene.messages.length = 0;
    scene.sandbox.expireCursors();
    scene.pass(pause);
    scene.pass(await follow.pause());
    await follow.pause();
    const [message = '', ...others] = scene.said;
    assert.match(message, /error: cloudscale\/project: the API no longer accepts the stored cursor/);
    assert.deepEqual(others, []);
    assert.deepEqual(new Set(scene.lines), new Set(scene.truth));
    assert.equal(await follow.stop(), ExitCode.Done);
  });

  it('waits out a cursor that leads elsewhere, and names where to, but not the token', async (t) => {
    const elsewhere = await startSandbox();
    t.after(() => elsewhere.close());
    const scene = await Scene.open(t, 'cloudscale');
    const { cloudscale } = scene.sandbox.options;
    const follow = scene.follow();
    scene.add(3);
    const pause = await follow.pause();
    scene.messages.length = 0;
    cloudscale.foreignCursors = { origin: elsewhere.url };
    scene.add(3);
    scene.pass(pause);
    const waiting = await follow.pause();
    assert.equal(waiting.ms, 5_000);
    const [message = ''] = scene.said;
    assert.ok(message.includes(elsewhere.url), message);
    assert.doesNotMatch(message, /sandbox-token/);
    assert.equal(elsewhere.requests.length, 0);
    cloudscale.foreignCursors = 'no';
    scene.pass(waiting);
    await follow.pause();
    scene.assertAllPrinted();
    assert.equal(await follow.stop(), ExitCode.Done);
  });
});

describe('follow as a process', { concurrency: true }, () => {
  const FOLLOW = ['follow', '--provider', 'cloudscale', '--since', '1h', '--interval', '1s'];
  const COLLECT = ['--provider', 'cloudscale'];

  async function place(t: TestContext, settings: SandboxSettings = {}): Promise<{ sandbox: Sandbox; place: Place }> {
    const sandbox = await startSandbox({ lateShare: 0.3, cloudscale: { pageSize: 3 }, ...settings });
    t.after(() => sandbox.close());
    return { sandbox, place: await placeFor(t, sandbox) };
  }

  function add(sandbox: Sandbox, count: number): void {
    const now = Date.now();
    // Late ones are visible by now, too: each comes up behind younger ones that were there before.
    sandbox.generateEntries({ count, from: now - 180_000, to: now - 60_000 });
  }

  function truth(sandbox: Sandbox): string[] {
    return sandbox.entries().map(({ text }) => text);
  }

  it('takes next to no processor time between two polls', async (t) => {
    const { sandbox, place: where } = await place(t, { lateShare: 0 });
    add(sandbox, 5);
    const run = where.start([...FOLLOW, '--interval', '1h']);
    await run.until((lines) => lines.length === 5);
    await stalled(run.pid);
    const before = cpuTicks(run.pid);
    // In short ones: the other tests of this file may hold pauses of a second and more.
    for (let halves = 0; halves < 4; halves++) await sleep(500);
    const ticks = cpuTicks(run.pid) - before;
    assert.ok(ticks <= 4, `${ticks} ticks in 2 s`);
    assert.ok(!where.isLocked());
    run.kill('SIGINT');
    assert.equal((await run.ended).code, 0);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`prints what arrives until ${signal}, which ends it with 0 and everything saved`, async (t) => {
      const { sandbox, place: where } = await place(t);
      add(sandbox, 5);
      const run = where.start(FOLLOW);
      for (let poll = 0; poll < 3; poll++) {
        const sofar = truth(sandbox).length;
        await run.until((lines) => lines.length === sofar);
        add(sandbox, 4);
      }
      const all = truth(sandbox);
      await run.until((lines) => lines.length === all.length);
      run.kill(signal);
      const { code, signal: killedBy, lines, stderr } = await run.ended;
      assert.deepEqual([code, killedBy], [0, null], stderr);
      assert.deepEqual(lines, all);
      assert.equal(where.delivered(), all.length);
      assert.ok(!where.isLocked());
      assert.deepEqual((await where.start(COLLECT).ended).lines, []);
    });
  }

  it('is ended by SIGINT in the middle of a poll, with what was printed saved, and no more', async (t) => {
    const { sandbox, place: where } = await place(t);
    add(sandbox, 9);
    sandbox.fail({ skip: 2, fault: { type: 'hang' } });
    const hanging = (async () => {
      for (let left = 3; left > 0; left--) await sandbox.nextRequest();
    })();
    const run = where.start(FOLLOW);
    await Promise.race([Promise.all([hanging, run.until((lines) => lines.length === 6)]), run.ended]);
    run.kill('SIGINT');
    const { code, lines, stderr } = await run.ended;
    assert.equal(code, 0, stderr);
    assert.equal(where.delivered(), 6);
    assert.ok(!where.isLocked());
    const { lines: rest } = await where.start(COLLECT).ended;
    assert.deepEqual([...lines, ...rest], truth(sandbox));
  });

  it('ends with 4 when nobody reads any more, and the next run prints what is missing', async (t) => {
    const { sandbox, place: where } = await place(t, { cloudscale: { pageSize: 100 } });
    add(sandbox, 3);
    const run = where.start(FOLLOW);
    await run.until((lines) => lines.length === 3);
    run.closeStdout();
    add(sandbox, 4);
    const { code, lines, stderr } = await run.ended;
    assert.equal(code, 4, stderr);
    assert.equal(where.delivered(), 3);
    const { lines: rest } = await where.start(COLLECT).ended;
    assert.deepEqual([...lines, ...rest], truth(sandbox));
  });

  it('ends with 75 beside a run that is collecting, and with --peek prints beside it', async (t) => {
    const { sandbox, place: where } = await place(t);
    add(sandbox, 5);
    sandbox.fail({ fault: { type: 'hang' } });
    const asked = sandbox.nextRequest();
    const holder = where.start([...COLLECT, '--request-timeout', '1h', '--deadline', '1h']);
    await Promise.race([asked, holder.ended]);
    const { code, stderr } = await where.start(FOLLOW).ended;
    assert.equal(code, 75);
    assert.match(stderr, /another run holds the lock on .*; use --peek to follow without the lock\n$/);
    const run = where.start([...FOLLOW, '--peek']);
    await run.until((lines) => lines.length === 5);
    add(sandbox, 2);
    await run.until((lines) => lines.length === 7);
    run.kill('SIGINT');
    assert.equal((await run.ended).code, 0);
    assert.deepEqual(run.lines, truth(sandbox));
    assert.ok(where.isLocked());
    holder.kill('SIGTERM');
    assert.equal((await holder.ended).code, 0);
  });

  it('ends with 1 when the token is not accepted', async (t) => {
    const { place: where } = await place(t);
    const { code, lines, stderr } = await where.start(FOLLOW, { CLOUDSCALE_API_TOKEN: 'another-token' }).ended;
    assert.equal(code, 1);
    assert.deepEqual(lines, []);
    assert.match(stderr, /does not accept the token/);
    assert.doesNotMatch(stderr, /another-token/);
  });
});
