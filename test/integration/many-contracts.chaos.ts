import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { assertPrintedOnce, eventsOf } from '../helpers/account.ts';
import { type Collector, collectorFor } from '../helpers/collector.ts';
import { type Sandbox, type SandboxSettings, startSandbox } from '../sandbox/server.ts';

const FIRST_NUMBER = 40_000_000;
const SECOND = 1000;
/** A few dozen, as it was asked for. */
const MOST_WRITES = 48;
const MAX_RUNS = 20;

interface Place {
  readonly sandbox: Sandbox;
  readonly collector: Collector;
  readonly contracts: readonly string[];
}

async function place(t: TestContext, count: number, settings: SandboxSettings = {}): Promise<Place> {
  const sandbox = await startSandbox(settings);
  t.after(async () => sandbox.close());
  const contracts = Array.from({ length: count }, (_, nth) => `${FIRST_NUMBER + nth}`);
  for (const contract of contracts) sandbox.addContract(contract);
  return { sandbox, collector: await collectorFor(t, sandbox), contracts };
}

function happen(sandbox: Sandbox, contracts: readonly string[], count: number): void {
  const to = Date.now() - SECOND;
  for (const contract of contracts) sandbox.generate(contract, { count, from: to - 100 * SECOND, to });
}

describe('many contracts', () => {
  it('10,000 idle ones are polled in one run, with few writes of the state', async (t) => {
    const { sandbox, collector, contracts } = await place(t, 10_000);
    const busy = [0, 4999, 9999].map((nth) => contracts[nth] ?? '');
    happen(sandbox, busy, 5);
    let generation = 0;
    for (const _ of ['first', 'second']) {
      const asked = sandbox.requests.length;
      const { code, stderr } = await collector.run('--concurrency', '64', '--deadline', '1h');
      assert.equal(code, 0, stderr);
      const polled = new Set(sandbox.requests.slice(asked).map(({ contract }) => contract));
      for (const contract of contracts) assert.ok(polled.has(contract), contract);
      const writes = collector.state().generation - generation;
      generation += writes;
      t.diagnostic(`${writes} writes`);
      assert.ok(writes <= MOST_WRITES, `${writes} writes`);
      assertPrintedOnce(collector.printed, eventsOf(sandbox, busy));
    }
    assert.equal(Object.keys(collector.state().sources).length, contracts.length);
  });

  it('the last of many contracts get their turn when one run is too short for all', async (t) => {
    const { sandbox, collector, contracts } = await place(t, 40, { latencyMs: 100 });
    happen(sandbox, contracts, 2);
    const isPolled = (contract: string) =>
      collector.hasState() && collector.state().sources[`ionos/${contract}`]?.last_success !== null;
    let runs = 0;
    while (!contracts.every(isPolled)) {
      assert.ok(
        ++runs <= MAX_RUNS,
        `${contracts.filter(isPolled).length} of ${contracts.length} after ${MAX_RUNS} runs`,
      );
      // Longer from run to run: a slow machine may collect nothing at first.
      const { code, stderr } = await collector.run('--concurrency', '1', '--deadline', `${runs + 1}s`);
      if (code !== 1 || !stderr.includes('the deadline was reached before anything was collected'))
        assert.equal(code, 0, stderr);
    }
    t.diagnostic(`${runs} runs`);
    assertPrintedOnce(collector.printed, eventsOf(sandbox, contracts));
  });
});
