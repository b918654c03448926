import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { accountOf, assertPrintedOnce } from '../helpers/account.ts';
import { type Collector, collectorFor, type Ended } from '../helpers/collector.ts';
import { type Sandbox, type SandboxSettings, type StoredEvent, startSandbox } from '../sandbox/server.ts';

const CONTRACT = '9876543218374837483';
const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Where Elasticsearch stops by itself. */
const MAX_OFFSET = 10_000;
/** No backlog of these tests takes more runs. */
const MAX_RUNS = 60;

interface Place {
  readonly sandbox: Sandbox;
  readonly collector: Collector;
  readonly events: () => readonly StoredEvent[];
}

async function place(t: TestContext, settings: SandboxSettings): Promise<Place> {
  const sandbox = await startSandbox(settings);
  t.after(async () => sandbox.close());
  return { sandbox, collector: await collectorFor(t, sandbox), events: () => sandbox.events(CONTRACT) };
}

function lastMinutes(minutes: number): { from: number; to: number } {
  const to = Date.now() - SECOND;
  return { from: to - minutes * MINUTE, to };
}

/** Events of one second, each its own. */
function burst(sandbox: Sandbox, count: number, time: number): void {
  sandbox.generate(CONTRACT, { count, from: time, to: time + SECOND });
}

function assertNoComplaint({ code, stderr }: Ended): void {
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /error|warning/);
}

describe('more events than the API gives at once', { concurrency: 2 }, () => {
  const apis: readonly SandboxSettings[] = [
    { order: 'ascending', offsetRule: 'offset+limit' },
    { order: 'descending', offsetRule: 'offset' },
    { order: 'shuffled', total: 'gte' },
    { order: 'descending', shape: 'items' },
  ];
  for (const settings of apis) {
    it(`25,000 in five minutes with an offset up to 10,000: ${JSON.stringify(settings)}`, async (t) => {
      const { sandbox, collector, events } = await place(t, { maxOffset: MAX_OFFSET, ...settings });
      sandbox.generate(CONTRACT, { count: 25_000, ...lastMinutes(4) });
      assertNoComplaint(await collector.run());
      assertPrintedOnce(collector.printed, events());
    });
  }

  for (const limitBehaviour of ['cut', 'refused'] as const) {
    it(`3,000 where a limit above 100 is ${limitBehaviour}`, async (t) => {
      const { sandbox, collector, events } = await place(t, { maxLimit: 100, limitBehaviour });
      sandbox.generate(CONTRACT, { count: 3000, ...lastMinutes(4) });
      assertNoComplaint(await collector.run());
      assertPrintedOnce(collector.printed, events());
    });
  }

  it('3,000 where pages are cut to the 20 of the documentation', async (t) => {
    const { sandbox, collector, events } = await place(t, { maxLimit: 20, limitBehaviour: 'cut' });
    sandbox.generate(CONTRACT, { count: 3000, ...lastMinutes(4) });
    assertNoComplaint(await collector.run());
    assertPrintedOnce(collector.printed, events());
  });
});

describe('12,000 events in one second', { concurrency: 2 }, () => {
  async function crowded(t: TestContext, settings: SandboxSettings): Promise<Place> {
    const there = await place(t, settings);
    const { from } = lastMinutes(3);
    const second = from - (from % SECOND);
    burst(there.sandbox, 30, second - 2 * SECOND);
    burst(there.sandbox, 12_000, second);
    burst(there.sandbox, 30, second + 2 * SECOND);
    return there;
  }

  for (const order of ['ascending', 'descending'] as const) {
    it(`gives what can be had, and says loudly what cannot, ${order}`, async (t) => {
      const { collector, events } = await crowded(t, { order, maxOffset: MAX_OFFSET });
      const { code, stderr } = await collector.run();
      assert.equal(code, 3, stderr);
      assert.match(collector.contract(CONTRACT).last_error ?? '', /10000 of 12000 events/);
      assert.match(stderr, /error: ionos\/9876543218374837483: .*10000 of 12000 events of the second /m);
      const { lost, repeated, foreign } = accountOf(collector.printed, events());
      assert.deepEqual([lost.length, repeated, foreign], [12_000 - MAX_OFFSET, [], []]);

      const before = collector.printed.length;
      assert.equal((await collector.run()).code, 3);
      assert.equal(collector.printed.length, before, 'nothing is printed twice');
    });
  }

  it('gives all of them where the API does not mind', async (t) => {
    const { collector, events } = await crowded(t, {});
    assertNoComplaint(await collector.run());
    assertPrintedOnce(collector.printed, events());
  });
});

describe('a backlog that does not fit into one run', { concurrency: 2 }, () => {
  /** Runs until one is not cut short by the deadline, which gets longer: a slow machine may collect nothing at first. */
  async function workOff(collector: Collector, ...args: string[]): Promise<number> {
    for (let runs = 1; runs <= MAX_RUNS; runs++) {
      const { code, stderr } = await collector.run('--since', '1h', '--deadline', `${runs + 1}s`, ...args);
      if (code === 1 && stderr.includes('the deadline was reached before anything was collected')) continue;
      assert.equal(code, 0, stderr);
      if (!stderr.includes('the deadline was reached')) return runs;
      assert.match(stderr, /the next run continues with 1 source$/m);
    }
    throw new Error(`it was not worked off in ${MAX_RUNS} runs`);
  }

  for (const order of ['ascending', 'descending'] as const) {
    it(`is worked off by several, ${order}`, async (t) => {
      const { sandbox, collector, events } = await place(t, { order, latencyMs: 100 });
      sandbox.generate(CONTRACT, { count: 4000, ...lastMinutes(50) });
      const runs = await workOff(collector, '--page-size', '100');
      assert.ok(runs > 1);
      t.diagnostic(`${runs} runs`);
      assertPrintedOnce(collector.printed, events());
    });
  }

  it('is worked off also where the API cuts its pages and does not say how many events there are', async (t) => {
    const { sandbox, collector, events } = await place(t, { maxLimit: 20, limitBehaviour: 'cut', total: 'missing' });
    sandbox.options.latencyMs = 50;
    sandbox.generate(CONTRACT, { count: 1000, ...lastMinutes(50) });
    const runs = await workOff(collector);
    assert.ok(runs > 1);
    t.diagnostic(`${runs} runs`);
    assertPrintedOnce(collector.printed, events());
  });
});
