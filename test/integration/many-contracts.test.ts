import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { assertPrintedOnce, eventsOf } from '../helpers/account.ts';
import { type Collector, collectorFor } from '../helpers/collector.ts';
import { type Sandbox, type SandboxSettings, startSandbox } from '../sandbox/server.ts';

const FIRST_NUMBER = 40_000_000;
const SECOND = 1000;

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
  it('one that takes its time does not hold up the others', async (t) => {
    const { sandbox, collector, contracts } = await place(t, 12);
    const [slow = '', ...others] = contracts;
    happen(sandbox, contracts, 10);
    sandbox.fail({ match: { contract: slow }, times: Infinity, fault: { type: 'hang' } });
    const args = ['--concurrency', '2', '--request-timeout', '1h', '--deadline', '2h'];
    const running = collector.start({ args });
    const events = eventsOf(sandbox, others);
    await running.until(() => running.lines.length >= events.length);
    assertPrintedOnce(running.lines, events);
    running.kill('SIGTERM');
    const { code, stderr } = await running.ended;
    assert.equal(code, 0, stderr);
    for (const contract of others) assert.equal(collector.contract(contract).delivered, 10);
    assert.equal(collector.contract(slow).delivered, 0);
  });

  it('one with a long backlog does not hold up the others', async (t) => {
    const { sandbox, collector, contracts } = await place(t, 12);
    const [long = '', ...others] = contracts;
    happen(sandbox, [long], 3000);
    happen(sandbox, others, 10);
    sandbox.options.latencyMs = (contract) => (contract === long ? 50 : 0);
    const running = collector.start({ args: ['--concurrency', '2', '--page-size', '20'] });
    const isOther = new Set(eventsOf(sandbox, others).map(({ text }) => text));
    const count = (lines: readonly Buffer[]) => lines.filter((line) => isOther.has(line.toString())).length;
    await running.until(() => running.lines.length >= isOther.size && count(running.lines) === isOther.size);
    assert.ok(running.lines.length < 3000);
    running.kill('SIGTERM');
    assert.equal((await running.ended).code, 0);
    sandbox.options.latencyMs = 0;
    assert.equal((await collector.run()).code, 0);
    assertPrintedOnce(collector.printed, eventsOf(sandbox, contracts));
  });
});
