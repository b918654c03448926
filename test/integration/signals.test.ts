import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { assertNothingLost, assertPrintedOnce } from '../helpers/account.ts';
import { type Collector, collectorFor } from '../helpers/collector.ts';
import { stalled } from '../helpers/process-status.ts';
import { type Fault, type Sandbox, retryLater, startSandbox } from '../sandbox/server.ts';

const SECOND = 1000;
const CONTRACT = '9876543218374837483';
/** More than a pipe holds. */
const MANY = 2000;
const ALL_AT_ONCE = ['--page-size', `${MANY}`];

async function place(t: TestContext, count: number): Promise<{ sandbox: Sandbox; collector: Collector }> {
  const sandbox = await startSandbox();
  t.after(async () => sandbox.close());
  const now = Date.now();
  sandbox.generate(CONTRACT, { count, from: now - 200 * SECOND, to: now - SECOND });
  return { sandbox, collector: await collectorFor(t, sandbox) };
}

/** The next run prints everything, once. */
async function assertNextRunCatchesUp(sandbox: Sandbox, collector: Collector): Promise<void> {
  const { code, stderr } = await collector.run();
  assert.equal(code, 0, stderr);
  assertPrintedOnce(collector.printed, sandbox.events(CONTRACT));
}

describe('SIGTERM', { concurrency: 4 }, () => {
  const waits: readonly (readonly [string, Fault])[] = [
    ['an answer', { type: 'hang' }],
    ['the rest of an answer', { type: 'hang-body' }],
    ['an answer that comes by and by', { type: 'trickle', bytesPerSecond: 10 }],
  ];
  for (const kind of ['contracts', 'page'] as const) {
    for (const [what, fault] of waits) {
      it(`ends a run that waits for ${what} (${kind})`, async (t) => {
        const { sandbox, collector } = await place(t, 5);
        sandbox.fail({ match: { kind }, fault });
        const asked = sandbox.nextRequest((request) => request.kind === kind);
        const running = collector.start({ args: ['--request-timeout', '1h'] });
        await asked;
        running.kill('SIGTERM');
        const { code, lines, stderr } = await running.ended;
        assert.deepEqual([code, lines.length], [0, 0], stderr);
        await assertNextRunCatchesUp(sandbox, collector);
      });
    }

    it(`ends a run that waits before it asks again (${kind})`, async (t) => {
      const { sandbox, collector } = await place(t, 5);
      sandbox.fail({ match: { kind }, fault: retryLater(503, 100) });
      const running = collector.start({ args: ['--deadline', '1h', '--log-level', 'debug'] });
      await running.until(() => running.stderr.includes('attempt 2 of'));
      running.kill('SIGTERM');
      const { code, lines, stderr } = await running.ended;
      assert.deepEqual([code, lines.length], [0, 0], stderr);
      await assertNextRunCatchesUp(sandbox, collector);
    });
  }

  it('ends a run that waits for a lock', async (t) => {
    const { sandbox, collector } = await place(t, 5);
    sandbox.fail({ fault: { type: 'hang' } });
    const asked = sandbox.nextRequest();
    const killed = collector.start();
    await asked;
    killed.kill('SIGKILL');
    await killed.ended;

    const waiting = collector.start();
    await waiting.until(() => waiting.stderr.includes('waiting for the lock'));
    waiting.kill('SIGTERM');
    const { code, lines, stderr } = await waiting.ended;
    assert.deepEqual([code, lines.length], [0, 0], stderr);
    await assertNextRunCatchesUp(sandbox, collector);
  });

  it('ends a run whose stdout nobody reads, with nothing committed but what is in the pipe', async (t) => {
    const { sandbox, collector } = await place(t, MANY);
    const asked = sandbox.nextRequest(({ kind }) => kind === 'page');
    const running = collector.start({ args: ALL_AT_ONCE, reading: false });
    await asked;
    await stalled(running.pid);
    running.kill('SIGTERM');
    const { code, stderr, lines } = await running.ended;
    assert.equal(code, 0, stderr);
    assert.ok(collector.contract(CONTRACT).delivered <= lines.length);
    assert.ok(lines.length < MANY, `${lines.length} lines`);

    assert.equal((await collector.run()).code, 0);
    assertNothingLost(collector.printed, sandbox.events(CONTRACT));
  });
});

describe('a signal that ends the process at once', { concurrency: 4 }, () => {
  for (const name of ['SIGHUP', 'SIGQUIT'] as const) {
    it(`${name}: gives the lock back`, async (t) => {
      const { sandbox, collector } = await place(t, 5);
      sandbox.fail({ fault: { type: 'hang' } });
      const asked = sandbox.nextRequest();
      const running = collector.start();
      await asked;
      assert.ok(existsSync(`${collector.stateFile}.lock`));
      running.kill(name);
      const { code, signal, stderr } = await running.ended;
      assert.deepEqual([code, signal], [null, name], stderr);
      assert.ok(!existsSync(`${collector.stateFile}.lock`));
      await assertNextRunCatchesUp(sandbox, collector);
    });
  }
});

describe('a second SIGINT', () => {
  it('ends the run at once, and loses nothing', async (t) => {
    const { sandbox, collector } = await place(t, MANY);
    const asked = sandbox.nextRequest(({ kind }) => kind === 'page');
    const running = collector.start({ args: ALL_AT_ONCE, reading: false });
    await asked;
    await stalled(running.pid);
    // The first one leaves a page that nobody reads a little time.
    const interrupts = setInterval(() => running.kill('SIGINT'), 20);
    const { code, signal } = await running.ended;
    clearInterval(interrupts);
    assert.deepEqual([code, signal], [null, 'SIGINT']);
    assert.ok(!existsSync(`${collector.stateFile}.lock`), 'the lock is given back');

    assert.equal((await collector.run()).code, 0);
    assertNothingLost(collector.printed, sandbox.events(CONTRACT));
  });
});
