import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, utimesSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { ExitCode } from '../../src/lib/errors.ts';
import { Stopped } from '../../src/lib/run.ts';
import type { World } from '../../src/lib/world.ts';
import { serveMetrics } from '../helpers/fluent-bit-metrics.ts';
import { listen } from '../helpers/loopback.ts';
import { runCommand, type CommandResult } from '../helpers/run-command.ts';
import { savedState } from '../helpers/saved-state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { startSandbox, type Sandbox } from '../sandbox/server.ts';

const NOW = Date.parse('2026-11-21T20:30:00Z');
const CONTRACTS = ['31721060', '31721061'] as const;

interface Scene {
  readonly sandbox: Sandbox;
  readonly stateFile: string;
  readonly poll: (world?: Partial<World>, ...more: string[]) => Promise<CommandResult>;
  /** The last error of each source, without its time. */
  readonly errors: () => (string | undefined)[];
}

async function scene(t: TestContext, now = () => NOW): Promise<Scene> {
  const sandbox = await startSandbox({ now });
  t.after(() => sandbox.close());
  for (const contract of CONTRACTS) sandbox.addContract(contract, { arrivals: false });
  const stateFile = join(await temporaryFolder(t), 'state.json');
  const argv = ['--api-url', sandbox.url, '--state-file', stateFile];
  return {
    sandbox,
    stateFile,
    poll: (world, ...more) =>
      runCommand([...argv, ...more], { env: { IONOS_API_TOKEN: 'sandbox-token' }, now, ...world }),
    errors: () => Object.values(savedState(stateFile).sources).map(({ last_error }) => last_error?.slice(25)),
  };
}

function eventOf(time: number): string {
  return JSON.stringify({
    '@uuid': randomUUID(),
    meta: { time: new Date(time).toISOString() },
    event: { type: 'Test' },
  });
}

/** A Fluent Bit whose counter stands still. */
async function stuckFluentBit(t: TestContext): Promise<{ ackUrl: string }> {
  const answers: Readonly<Record<string, string>> = {
    '/api/v1/metrics': '{"input":{"activity_log":{"records":0}}}',
    '/api/v1/uptime': '{"uptime_sec":100}',
  };
  const server = createServer((request, response) => void response.end(answers[request.url ?? ''] ?? ''));
  return { ackUrl: `http://127.0.0.1:${await listen(t, server)}` };
}

describe('a poll', () => {
  it('delivers the other sources when one fails, notes its failure with it, and exits with 3', async (t) => {
    const { sandbox, poll, errors } = await scene(t);
    const rule = { match: { kind: 'page', contract: CONTRACTS[0] }, times: Infinity } as const;
    const fault = sandbox.fail({ ...rule, fault: { type: 'status', status: 403 } });
    const { exitCode, stderr } = await poll();
    assert.equal(exitCode, ExitCode.SomeSourcesFailed, stderr);
    const [failed, other] = errors();
    assert.match(failed ?? '', /403/);
    assert.equal(other, undefined);
    assert.match(stderr, /Its cursor was not moved; the next run will retry\n/);
    fault.remove();
    assert.equal((await poll()).exitCode, ExitCode.Done);
    assert.deepEqual(errors(), [undefined, undefined]);
  });

  it('takes a token that one contract refuses for a failure of that contract', async (t) => {
    const { sandbox, poll, errors } = await scene(t);
    sandbox.options.unauthorizedContracts = [CONTRACTS[1]];
    const { exitCode, stderr } = await poll();
    assert.equal(exitCode, ExitCode.SomeSourcesFailed, stderr);
    assert.match(stderr, new RegExp(`error: ionos/${CONTRACTS[1]}: .* does not accept the token`));
    const [other, refused] = errors();
    assert.equal(other, undefined);
    assert.match(refused ?? '', /does not accept the token/);
    assert.equal((await poll(undefined, '--contract', CONTRACTS[1])).exitCode, ExitCode.NothingCollected);
  });

  it('exits with 3 as long as the API counts more events than it returns, and status says so', async (t) => {
    const { sandbox, poll, errors } = await scene(t);
    sandbox.generate(CONTRACTS[0], { count: 3, from: NOW - 60_000, to: NOW - 1_000 });
    sandbox.options.total = 'overstated';
    const { exitCode, stdout } = await poll();
    assert.deepEqual([exitCode, stdout.split('\n').length], [ExitCode.SomeSourcesFailed, 4]);
    for (const error of errors()) assert.match(error ?? '', /counts/);
    sandbox.options.total = 'number';
    assert.equal((await poll()).exitCode, ExitCode.Done);
    assert.deepEqual(errors(), [undefined, undefined]);
  });

  it('fails for an event that cannot be read, passes it from the next run on, and fails for the next such event', async (t) => {
    let now = NOW;
    const { sandbox, poll } = await scene(t, () => now);
    const codes = async (runs: number, ms: number) => {
      const found: number[] = [];
      for (let run = 0; run < runs; run++, now += ms) {
        const { exitCode, stderr } = await poll();
        found.push(exitCode);
        assert.ok(!stderr.includes('sandbox-token'), stderr);
      }
      return found;
    };
    await poll();
    const { Done, SomeSourcesFailed } = ExitCode;
    for (let nth = 0; nth < 2; nth++) {
      sandbox.addEvents(CONTRACTS[0], [{ raw: '{"n":NaN,"t":"sandbox-token"}', time: now - 1_000, id: `bad-${nth}` }]);
      assert.deepEqual(await codes(3, 1_000), [SomeSourcesFailed, Done, Done]);
      assert.deepEqual(await codes(3, 400_000), [Done, Done, Done]);
    }
  });

  it('warns of an event that has the id of another one, and prints both', async (t) => {
    const { sandbox, poll } = await scene(t);
    const event = eventOf(NOW - 60_000);
    for (const raw of [event, event.replace('Test', 'Other')]) {
      sandbox.addEvents(CONTRACTS[0], [{ raw, time: NOW - 60_000, id: raw }]);
    }
    const { stdout, stderr } = await poll();
    assert.equal(stdout.split('\n').length, 3);
    assert.match(stderr, /warning: ionos\/31721060: 1 event came with the id of another event/);
  });

  it('says how the journal ends, after events and after an error alike, and not again when nothing is new', async (t) => {
    const { sandbox, poll } = await scene(t);
    const ends = /: the journal ends with commit \d+, SHA-256 [0-9a-f]{64}\n/;
    sandbox.generate(CONTRACTS[0], { count: 1, from: NOW - 60_000, to: NOW - 1_000 });
    assert.match((await poll()).stderr, ends);
    assert.doesNotMatch((await poll()).stderr, /the journal ends/);
    sandbox.generate(CONTRACTS[0], { count: 1, from: NOW - 60_000, to: NOW - 1_000 });
    let writes = 0;
    const closed = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    const stdout = new Writable({ write: (_chunk, _encoding, done) => done(++writes > 1 ? closed : null) });
    sandbox.generate(CONTRACTS[1], { count: 1, from: NOW - 60_000, to: NOW - 1_000 });
    const { exitCode, stderr } = await poll({ stdout }, '--concurrency', '1');
    assert.equal(exitCode, ExitCode.NotDelivered, stderr);
    assert.match(stderr, ends);
  });

  it('warns after a day of a type that no event has had', async (t) => {
    let now = NOW;
    const { sandbox, poll } = await scene(t, () => now);
    await poll(undefined, '--exclude-types', 'Tset');
    now += 86_400_000;
    sandbox.addEvents(CONTRACTS[0], [{ raw: eventOf(now - 60_000), time: now - 60_000 }]);
    assert.match((await poll(undefined, '--exclude-types', 'Tset')).stderr, /warning: .*Tset/);
  });

  it('fetches nothing while Fluent Bit is paused, says so, and exits with 0', async (t) => {
    const { sandbox, poll } = await scene(t);
    const inputs = new Map([['activity_log', { records: 0, bytes: 0, paused: true }]]);
    const picture = { inputs, uptimeSec: 60, startedAt: NOW / 1000 - 60 };
    const server = await serveMetrics({ picture: () => picture, uptimeSec: () => 60 }, 0);
    t.after(() => server.close());
    const { exitCode, stderr } = await poll(undefined, '--ack-url', `http://127.0.0.1:${server.port}`);
    assert.equal(exitCode, ExitCode.Done, stderr);
    assert.match(stderr, /: warning: .*paused.*; the API keeps the events for the next run\n$/);
    assert.equal(sandbox.requests.length, 0);
  });

  it('notes what ended it for all sources with each of them, and exits with 1', async (t) => {
    const { sandbox, poll, errors } = await scene(t);
    assert.equal((await poll()).exitCode, ExitCode.Done);
    sandbox.fail({ times: Infinity, fault: { type: 'status', status: 401 } });
    assert.equal((await poll()).exitCode, ExitCode.NothingCollected);
    for (const error of errors()) assert.match(error ?? '', /does not accept the token/);
  });

  it('that is stopped before it collects anything is not a failure: it exits with 0, and status shows none', async (t) => {
    const { poll, errors } = await scene(t);
    await poll();
    const { exitCode, stderr } = await poll({ signal: AbortSignal.abort(new Stopped('stopped by SIGTERM')) });
    assert.equal(exitCode, ExitCode.Done);
    assert.match(stderr, /stopped by SIGTERM before anything was collected/);
    assert.deepEqual(errors(), [undefined, undefined]);
  });

  it('that was stopped is followed by one that begins with the sources that it did not reach', async (t) => {
    let now = NOW;
    const { sandbox, poll } = await scene(t, () => now);
    await poll();
    now += 1_000;
    const stop = new AbortController();
    const first = sandbox.nextRequest(({ kind }) => kind === 'page');
    void first.then(() => stop.abort(new Stopped('stopped by SIGTERM')));
    await poll({ signal: stop.signal }, '--concurrency', '1');
    const { contract: reached } = await first;
    const next = sandbox.nextRequest(({ kind }) => kind === 'page');
    await poll(undefined, '--concurrency', '1');
    assert.deepEqual([reached, (await next).contract].toSorted(), CONTRACTS.toSorted());
  });

  it('writes into the metrics how it ended', async (t) => {
    const { sandbox, poll } = await scene(t);
    const file = join(await temporaryFolder(t), 'metrics.prom');
    const ended = async (world?: Partial<World>) => {
      sandbox.generate(CONTRACTS[0], { count: 2, from: NOW - 60_000, to: NOW - 1_000 });
      const { exitCode } = await poll(world, '--metrics-file', file);
      const text = readFileSync(file, 'utf8');
      const value = (name: string) => Number(new RegExp(`_${name}\\{.*\\} (\\d+)`).exec(text)?.[1]);
      return [exitCode, value('last_run_exit_code'), value('last_run_events')];
    };
    assert.deepEqual(await ended(), [ExitCode.Done, ExitCode.Done, 2]);
    const stop = AbortSignal.abort(new Stopped('stopped by SIGTERM'));
    const closed = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    assert.deepEqual(await ended({ stdout: closed }), [ExitCode.NotDelivered, ExitCode.NotDelivered, 0]);
    sandbox.fail({ times: Infinity, fault: { type: 'status', status: 401 } });
    assert.deepEqual(await ended(), [ExitCode.NothingCollected, ExitCode.NothingCollected, 0]);
    const [exitCode, shown] = await ended({ signal: stop });
    assert.deepEqual([exitCode, shown], [ExitCode.Done, ExitCode.Done]);
  });

  it('whose deadline comes before its first request fails, and one that is stopped in it does not', async (t) => {
    const { sandbox, poll } = await scene(t);
    const late = new Stopped('the deadline was reached', true);
    const { exitCode, stderr } = await poll({ signal: AbortSignal.abort(late) });
    assert.equal(exitCode, ExitCode.NothingCollected);
    assert.match(stderr, /error: the deadline was reached before anything was collected\n$/);
    const stop = new AbortController();
    void sandbox.nextRequest(({ kind }) => kind === 'page').then(() => stop.abort(new Stopped('stopped by SIGTERM')));
    const stopped = await poll({ signal: stop.signal }, '--concurrency', '1');
    assert.equal(stopped.exitCode, ExitCode.Done);
    assert.match(stopped.stderr, /: stopped by SIGTERM: the next run continues with 2 sources\n/);
    assert.doesNotMatch(stopped.stderr, /the next run continues from|warning/);
  });

  it('that ends while it waits for what an earlier run printed is a failure only at the deadline', async (t) => {
    const { sandbox, stateFile, poll } = await scene(t);
    const { ackUrl } = await stuckFluentBit(t);
    await poll();
    for (const [reason, code] of [
      [new Stopped('the deadline was reached', true), ExitCode.NothingCollected],
      [new Stopped('stopped by SIGTERM'), ExitCode.Done],
    ] as const) {
      const stop = new AbortController();
      const pause = (): Promise<void> => {
        stop.abort(reason);
        return Promise.reject(reason);
      };
      sandbox.requests.length = 0;
      utimesSync(stateFile, NOW / 1000, NOW / 1000);
      const { exitCode, stderr } = await poll({ signal: stop.signal, pause }, '--ack-url', ackUrl);
      assert.deepEqual([exitCode, sandbox.requests.length], [code, 0], stderr);
      assert.ok(stderr.endsWith(`${reason.message} before anything was collected\n`), stderr);
    }
  });

  it('whose deadline comes before the first page is a failure of each source, with the last request that failed', async (t) => {
    const { sandbox, poll, errors } = await scene(t);
    await poll();
    const stop = new AbortController();
    const late = new Stopped('the deadline was reached', true);
    sandbox.fail({ match: { kind: 'page' }, fault: { type: 'status', status: 503 }, times: Infinity });
    const pause = (): Promise<void> => {
      stop.abort(late);
      return Promise.reject(late);
    };
    const { exitCode, stderr } = await poll({ signal: stop.signal, pause });
    assert.equal(exitCode, ExitCode.NothingCollected);
    assert.match(stderr, /error: the deadline was reached before anything was collected; last failure: .*503/);
    for (const error of errors()) assert.match(error ?? '', /the deadline was reached before anything was collected/);
  });

  it('whose deadline comes in the middle continues in the next run, and exits with 0', async (t) => {
    const { sandbox, poll } = await scene(t);
    for (const contract of CONTRACTS) sandbox.generate(contract, { count: 10, from: NOW - 60_000, to: NOW - 1_000 });
    const stop = new AbortController();
    const late = new Stopped('the deadline was reached', true);
    void sandbox.nextRequest(({ pageIndex }) => pageIndex === 'later').then(() => stop.abort(late));
    const { exitCode, stdout, stderr } = await poll({ signal: stop.signal }, '--page-size', '4', '--concurrency', '1');
    assert.equal(exitCode, ExitCode.Done, stderr);
    assert.match(stderr, /the deadline was reached: the next run continues with 2 sources/);
    assert.match(stderr, /: ionos\/31721060: stopped; the next run continues from 2026-11-21T/);
    assert.match(
      stderr,
      /: warning: ionos\/31721060: its cursor did not move before the deadline\. .*: increase --deadline or decrease --overlap, /,
    );
    const rest = await poll();
    assert.equal(new Set([...stdout.split('\n'), ...rest.stdout.split('\n')].filter(Boolean)).size, 20);
  });

  it('whose deadline comes after the cursor has moved is only continued', async (t) => {
    const { sandbox, poll } = await scene(t);
    sandbox.generate(CONTRACTS[0], { count: 30, from: NOW - 240_000, to: NOW - 1_000 });
    sandbox.options.maxOffset = 10;
    const stop = new AbortController();
    const begin = '2026-11-21T20:25:00Z';
    void sandbox
      .nextRequest(({ kind, query }) => kind === 'page' && query['dateStart'] !== begin)
      .then(() => stop.abort(new Stopped('the deadline was reached', true)));
    const { exitCode, stderr } = await poll({ signal: stop.signal }, '--page-size', '5', '--contract', CONTRACTS[0]);
    assert.equal(exitCode, ExitCode.Done, stderr);
    assert.match(stderr, /: ionos\/31721060: stopped; the next run continues from 2026-11-21T20:2[6-9]:/);
    assert.doesNotMatch(stderr, /warning/);
  });

  it('says so when the reader of stdout makes it end long after its deadline', async (t) => {
    const { sandbox, poll } = await scene(t);
    for (const [end, late] of [
      [300_000, '60 s'],
      [245_001, '5 s'],
      [245_000, undefined],
    ] as const) {
      sandbox.generate(CONTRACTS[0], { count: 1, from: NOW - 60_000, to: NOW - 1_000 });
      let monotonic = 0;
      const stdout = new Writable({
        write: (_chunk, _encoding, done) => {
          monotonic = end;
          done();
        },
      });
      const { stderr } = await poll({ monotonic: () => monotonic, stdout });
      const warning = `warning: the run ended ${late ?? '5 s'} after its deadline: the reader of stdout is too slow\n`;
      assert.equal(stderr.includes(warning), late !== undefined, stderr);
    }
  });

  it('warns of events that come nearly as late as the overlap looks back, and of no others', async (t) => {
    let now = NOW;
    const { sandbox, poll } = await scene(t, () => now);
    await poll();
    for (const [lateMs, isWarned] of [
      [60_000, false],
      [290_000, true],
    ] as const) {
      sandbox.addEvents(CONTRACTS[0], [{ raw: eventOf(now - lateMs), time: now - lateMs }]);
      now += 1_000;
      const { stdout, stderr } = await poll();
      assert.equal(stdout.split('\n').length, 2, stderr);
      const said = 'ionos/31721060: events came up to 5 min late, and the overlap is only 5 min; increase --overlap\n';
      assert.equal(stderr.includes(`: warning: ${said}`), isWarned, stderr);
    }
    assert.doesNotMatch((await poll(undefined, '--overlap', '0')).stderr, /increase --overlap/);
  });

  it('exits with 4 when Fluent Bit does not count what was printed, and the next run prints it again', async (t) => {
    const { sandbox, poll } = await scene(t);
    sandbox.generate(CONTRACTS[0], { count: 3, from: NOW - 60_000, to: NOW - 1_000 });
    const { ackUrl } = await stuckFluentBit(t);
    const env = { IONOS_API_TOKEN: 'sandbox-token', ACTIVITY_LOG_ACK_PATIENCE: '0' };
    for (let run = 0; run < 2; run++) {
      const { exitCode, stdout, stderr } = await poll({ env }, '--ack-url', ackUrl);
      assert.deepEqual([exitCode, stdout.split('\n').length], [ExitCode.NotDelivered, 4], stderr);
    }
  });

  it('that is stopped while Fluent Bit does not count ends with 0: the next run decides', async (t) => {
    const { sandbox, poll } = await scene(t);
    sandbox.addEvents(CONTRACTS[0], [{ raw: eventOf(NOW - 60_000), time: NOW - 60_000 }]);
    const { ackUrl } = await stuckFluentBit(t);
    const stop = new AbortController();
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => {
        stop.abort(new Stopped('stopped by SIGTERM'));
        done();
      },
    });
    const { exitCode, stderr } = await poll({ signal: stop.signal, stdout }, '--ack-url', ackUrl);
    assert.equal(exitCode, ExitCode.Done, stderr);
  });
});
