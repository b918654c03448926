import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type ExecInputOptions, InExec, type InExecOptions } from './in-exec.ts';

const NEVER = 1_000_000;

type Options = Partial<ExecInputOptions> & { readonly engine?: Partial<InExecOptions> };

/** A double with one input; quick, and with a clock only where a test asks for one. */
async function fluentBit(t: TestContext, command: string, { engine = {}, ...input }: Options = {}): Promise<InExec> {
  const inputs = [{ command, alias: 'activity_log', threaded: true, storage: 'filesystem' as const, ...input }];
  const fb = await InExec.start({ inputs, refreshMs: NEVER, flushMs: NEVER, ...engine });
  t.after(() => fb.close());
  return fb;
}

interface Metrics {
  readonly input: Record<string, { readonly records: number; readonly bytes: number } | undefined>;
}

async function shown(fb: InExec, alias = 'activity_log'): Promise<number | undefined> {
  const response = await fetch(`${fb.url}/api/v1/metrics`);
  return response.ok ? ((await response.json()) as Metrics).input[alias]?.records : undefined;
}

async function paused(fb: InExec): Promise<string | undefined> {
  const text = await (await fetch(`${fb.url}/api/v2/metrics/prometheus`)).text();
  return /^fluentbit_input_ingestion_paused\{name="activity_log"\} (\d)$/m.exec(text)?.[1];
}

async function uptime(fb: InExec): Promise<number> {
  const { uptime_sec } = (await (await fetch(`${fb.url}/api/v1/uptime`)).json()) as { uptime_sec: number };
  return uptime_sec;
}

const lines = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `{"n":${from + index}}`);
const print = (from: number, to: number): string => `seq -f '{"n":%g}' ${from} ${to}`;

describe('a run', () => {
  it('stores what the command prints, and counts it', async (t) => {
    const fb = await fluentBit(t, print(1, 3));
    const run = await fb.runOnce();
    assert.deepEqual(fb.stored, lines(1, 3));
    assert.deepEqual(fb.input().metrics, { records: 3, bytes: 21, paused: false });
    assert.deepEqual([run.lines, run.accepted, run.exitCode, run.abandoned], [3, 3, 0, false]);
  });

  it('goes through /bin/sh, in its own process group', async (t) => {
    const fb = await fluentBit(t, `echo "{\\"group\\":$(ps -o pgid= -p $$), \\"sh\\":$$}"`);
    const run = await fb.runOnce();
    assert.deepEqual(JSON.parse(fb.stored[0] ?? ''), { group: run.pid, sh: run.pid });
  });

  it('keeps stderr, exit code and signal', async (t) => {
    const fb = await fluentBit(t, 'echo oops >&2; exit 3');
    const { stderr, exitCode, signal } = await fb.runOnce();
    assert.deepEqual([stderr, exitCode, signal], ['oops\n', 3, null]);
    const killed = await fluentBit(t, 'kill -9 $$');
    assert.deepEqual((await killed.runOnce()).signal, 'SIGKILL');
  });

  it('never overlaps another of the same input', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'in-exec-'));
    t.after(() => rm(folder, { recursive: true }));
    const fb = await fluentBit(t, `mkdir '${folder}/here' && sleep 0.05 && rmdir '${folder}/here'`);
    const runs = await Promise.all([fb.runOnce(), fb.runOnce(), fb.runOnce()]);
    assert.deepEqual(
      runs.map(({ exitCode }) => exitCode),
      [0, 0, 0],
    );
  });

  it('comes by itself, first after one interval', async (t) => {
    const fb = await fluentBit(t, print(1, 1), { intervalMs: 30 });
    assert.equal(fb.runs.length, 0);
    await fb.until(() => fb.stored.length >= 3);
  });

  it('refuses what the parser refuses and continues', async (t) => {
    const fb = await fluentBit(t, `echo '{"n":1}'; echo no; echo '{"n":1e400}'; echo '{"n":2}'`);
    const run = await fb.runOnce();
    assert.deepEqual(run.refused, ['no', '{"n":1e400}']);
    assert.deepEqual(fb.stored, lines(1, 2));
    assert.equal(fb.input().metrics.records, 2);
  });

  it('takes a long line whole only with a buffer that holds it', async (t) => {
    const command = `printf '{"pad":"%05000d"}\\n' 0`;
    const small = await fluentBit(t, command);
    const run = await small.runOnce();
    assert.deepEqual([run.lines, run.refused.length, small.stored.length], [2, 2, 0]);
    const large = await fluentBit(t, command, { bufSize: 2_000_000 });
    await large.runOnce();
    assert.equal(large.stored[0]?.length, 5010);
  });

  it('has lines that are refused always, and lines that vanish', async (t) => {
    const refuse = (line: string): boolean => line === '{"n":2}';
    const drop = (line: string): boolean => line === '{"n":3}';
    const fb = await fluentBit(t, print(1, 4), { refuse, drop });
    const run = await fb.runOnce();
    assert.deepEqual([run.refused, run.dropped, run.accepted], [['{"n":2}'], 1, 2]);
    assert.deepEqual(fb.stored, ['{"n":1}', '{"n":4}']);
    assert.equal(fb.input().metrics.records, 2);
  });

  it('counts but never keeps what follows a line of 64 levels, until the chunk is sent', async (t) => {
    const deep = `{"a":${'['.repeat(63)}${']'.repeat(63)}}`;
    const fb = await fluentBit(t, `echo '{"n":1}'; echo '${deep}'; echo '{"n":2}'`);
    await fb.runOnce();
    assert.deepEqual([fb.stored, fb.input().metrics.records], [['{"n":1}'], 2]);
    fb.flush();
    await fb.runOnce();
    assert.deepEqual([fb.stored, fb.input().metrics.records], [['{"n":1}', '{"n":1}'], 4]);
  });
});

describe('the counters', () => {
  it('answer 404 until they are taken for the first time; the uptime answers at once', async (t) => {
    const fb = await fluentBit(t, print(1, 3), { engine: { uptimeSec: 100 } });
    assert.deepEqual([await shown(fb), await paused(fb)], [undefined, undefined]);
    assert.ok((await uptime(fb)) >= 100);
    fb.refresh();
    assert.deepEqual([await shown(fb), await paused(fb)], [0, '0']);
    assert.equal((await fetch(`${fb.url}/api/v1/none`)).status, 404);
  });

  it('threaded, grow while the command runs, as often as they are taken', async (t) => {
    const fb = await fluentBit(t, `${print(1, 3)}; sleep 100`, { engine: { refreshMs: 20 } });
    const run = fb.runOnce();
    while ((await shown(fb)) !== 3) await setTimeout(5);
    assert.equal(fb.input().running, true);
    await fb.kill({ child: 'SIGKILL' });
    await run;
  });

  it('not threaded, stand still until the command has ended', async (t) => {
    const fb = await fluentBit(t, `${print(1, 3)}; sleep 100`, { threaded: false });
    fb.refresh();
    const run = fb.runOnce();
    await fb.until(() => fb.stored.length === 3);
    fb.refresh();
    assert.equal(await shown(fb), 0);
    fb.input().signal('SIGKILL');
    await run;
    assert.equal(await shown(fb), 3);
  });

  it('tell with the pause when they were taken, and when Fluent Bit started', async (t) => {
    const fb = await fluentBit(t, print(1, 3), { engine: { uptimeSec: 100 } });
    fb.refresh();
    const text = await (await fetch(`${fb.url}/api/v2/metrics/prometheus`)).text();
    const value = (metric: string): number =>
      Number(new RegExp(`^${metric}\\{hostname="vm"\\} (\\d+)$`, 'm').exec(text)?.[1]);
    const now = Date.now() / 1000;
    const [taken, started] = [value('fluentbit_uptime'), value('fluentbit_process_start_time_seconds')];
    assert.ok(taken >= 100 && taken <= (await uptime(fb)), text);
    assert.ok(Math.abs(started + taken - now) < 60, text);
  });

  it('are not there with HTTP_Server Off', async (t) => {
    const fb = await fluentBit(t, print(1, 1), { engine: { http: false, port: 1 } });
    await fb.runOnce();
    await assert.rejects(fetch(`${fb.url}/api/v1/uptime`));
  });

  it('are kept by input', async (t) => {
    const inputs = [
      { command: print(1, 1), alias: 'one', threaded: true },
      { command: print(1, 2), alias: 'two', threaded: true },
    ];
    const fb = await InExec.start({ inputs, refreshMs: NEVER });
    t.after(() => fb.close());
    await fb.runOnce('one');
    await fb.runOnce('two');
    fb.refresh();
    assert.deepEqual([await shown(fb, 'one'), await shown(fb, 'two')], [1, 2]);
    assert.deepEqual(fb.input('two').stored, lines(1, 2));
    assert.throws(() => fb.input('three'));
  });
});

describe('losses', () => {
  it('a paused input drops what comes, and shows that it is paused', async (t) => {
    const fb = await fluentBit(t, print(1, 3));
    fb.pause();
    fb.refresh();
    assert.equal(await paused(fb), '1');
    assert.equal((await fb.runOnce()).dropped, 3);
    fb.resume();
    await fb.runOnce();
    assert.deepEqual([fb.stored, fb.input().metrics.records], [lines(1, 3), 3]);
  });

  it('Mem_Buf_Limit drops what exceeds it until the next flush', async (t) => {
    const fb = await fluentBit(t, print(1, 9), { storage: 'memory', memBufLimit: 20 });
    const run = await fb.runOnce();
    assert.deepEqual([run.accepted, run.dropped, fb.input().metrics.paused], [3, 6, true]);
    fb.flush();
    assert.equal(fb.input().metrics.paused, false);
    assert.equal((await fb.runOnce()).accepted, 3);
  });

  it('Mem_Buf_Limit means nothing with filesystem storage', async (t) => {
    const fb = await fluentBit(t, print(1, 9), { memBufLimit: 20 });
    assert.equal((await fb.runOnce()).accepted, 9);
  });

  it('a kill takes the ring buffer along, but nothing that is stored', async (t) => {
    const fb = await fluentBit(t, `${print(1, 3)}; sleep 100`, { engine: { ringMs: NEVER } });
    for (const stored of [lines(1, 3), lines(1, 3)]) {
      const run = fb.runOnce();
      await fb.until(() => fb.runs.at(-1)?.lines === 3);
      if (fb.stored.length === 0) fb.input().drain();
      await fb.kill({ child: 'SIGTERM' });
      assert.deepEqual(fb.stored, stored);
      assert.deepEqual([(await run).abandoned, (await run).signal], [true, 'SIGTERM']);
      await fb.revive();
    }
  });

  it('a kill takes along what memory storage has not sent', async (t) => {
    const fb = await fluentBit(t, print(1, 3), { storage: 'memory' });
    await fb.runOnce();
    fb.flush();
    await fb.runOnce();
    assert.equal(fb.stored.length, 6);
    await fb.kill();
    assert.deepEqual(fb.stored, lines(1, 3));
  });

  it('a kill breaks the pipe of a command that is left running', async (t) => {
    const fb = await fluentBit(t, `trap '' PIPE; while echo '{"n":1}'; do sleep 0.01; done; exit 9`);
    const run = fb.runOnce();
    await fb.until(() => fb.stored.length >= 2);
    await fb.kill();
    const { length } = fb.stored;
    const { exitCode, abandoned } = await run;
    assert.deepEqual([exitCode, abandoned, fb.stored.length], [9, true, length]);
  });
});

describe('a restart', () => {
  it('begins with counters at 0, a new uptime, the same address and what was stored', async (t) => {
    const fb = await fluentBit(t, print(1, 3), { engine: { uptimeSec: 100 } });
    await fb.runOnce();
    const { url } = fb;
    await fb.kill();
    await assert.rejects(fetch(`${fb.url}/api/v1/uptime`));
    await assert.rejects(fb.runOnce());
    await fb.revive();
    assert.equal(fb.url, url);
    assert.equal(await shown(fb), undefined);
    fb.refresh();
    assert.equal(await shown(fb), 0);
    assert.ok((await uptime(fb)) < 100);
    await fb.runOnce();
    assert.deepEqual([fb.stored.length, fb.input().metrics.records], [6, 3]);
  });

  it('does not wait for a command that was left running', async (t) => {
    const fb = await fluentBit(t, `${print(1, 1)}; sleep 100`);
    const first = fb.runOnce();
    await fb.until(() => fb.stored.length === 1);
    await fb.restart();
    const second = fb.runOnce();
    await fb.until(() => fb.stored.length === 2);
    await fb.close();
    assert.deepEqual([(await first).abandoned, (await second).abandoned], [true, true]);
  });

  it('threaded, SIGTERM stores what was read, and loses what the command prints after it', async (t) => {
    const fb = await fluentBit(
      t,
      `trap 'echo "{\\"n\\":2}"; exit 0' TERM; echo '{"n":1}'; while :; do sleep 0.01; done`,
    );
    const run = fb.runOnce();
    await fb.until(() => fb.stored.length === 1);
    await fb.terminate();
    assert.deepEqual([fb.stored, (await run).abandoned], [lines(1, 1), true]);
  });

  it('not threaded, SIGTERM waits for the command and hears it to its end', async (t) => {
    const command = `trap 'echo "{\\"n\\":2}"; exit 0' TERM; echo '{"n":1}'; while :; do sleep 0.01; done`;
    const fb = await fluentBit(t, command, { threaded: false, storage: 'memory' });
    const run = fb.runOnce();
    await fb.until(() => fb.stored.length === 1);
    await fb.terminate();
    assert.deepEqual([fb.stored, (await run).exitCode, (await run).abandoned], [lines(1, 2), 0, false]);
  });
});
