import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { assertPrintedOnce } from '../helpers/account.ts';
import { type Collector, quickCollectorFor, type Ended } from '../helpers/collector.ts';
import { type Sandbox, type SandboxSettings, type StoredEvent, startSandbox } from '../sandbox/server.ts';

const CONTRACT = '9876543218374837483';
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const MAX_RUNS = 60;

interface Place {
  readonly sandbox: Sandbox;
  readonly collector: Collector;
  readonly events: () => readonly StoredEvent[];
}

async function place(t: TestContext, settings: SandboxSettings): Promise<Place> {
  const sandbox = await startSandbox(settings);
  t.after(async () => sandbox.close());
  return { sandbox, collector: quickCollectorFor(t, sandbox), events: () => sandbox.events(CONTRACT) };
}

function lastMinutes(minutes: number): { from: number; to: number } {
  const to = Date.now() - SECOND;
  return { from: to - minutes * MINUTE, to };
}

function assertNoComplaint({ code, stderr }: Ended): void {
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /error|warning/);
}

it('a backlog that does not fit into one run is worked off by several', async (t) => {
  const { sandbox, collector, events } = await place(t, { latencyMs: 100 });
  sandbox.generate(CONTRACT, { count: 100, ...lastMinutes(50) });
  const poll = () => collector.run('--since', '1h', '--deadline', '1s', '--page-size', '5');
  const isCutShort = ({ stderr }: Ended): boolean => stderr.includes('the deadline was reached');
  let runs = 1;
  while (isCutShort(await poll())) assert.ok(++runs <= MAX_RUNS);
  assert.ok(runs > 1);
  assertPrintedOnce(collector.printed, events());
});

describe('an overlap that does not fit into one run', () => {
  it('is said to keep the cursor where it is', async (t) => {
    const { sandbox, collector, events } = await place(t, {});
    sandbox.generate(CONTRACT, { count: 300, ...lastMinutes(4) });
    assertNoComplaint(await collector.run('--page-size', '100'));
    const { cursor } = collector.contract(CONTRACT);
    const fault = sandbox.fail({ match: { kind: 'page' }, skip: 1, times: Infinity, fault: { type: 'hang' } });
    const args = ['--page-size', '100', '--deadline', '3s', '--request-timeout', '1h'];
    const { code, stderr } = await collector.run(...args);
    assert.equal(code, 0);
    assert.match(stderr, /warning: ionos\/\d+: its cursor did not move before the deadline.*--deadline.*--overlap/);
    assert.equal(collector.contract(CONTRACT).cursor, cursor);
    fault.remove();
    assertNoComplaint(await collector.run());
    assertPrintedOnce(collector.printed, events());
  });
});

describe('an event that comes up late', () => {
  it('is printed, counted and warned about when the overlap hardly suffices', async (t) => {
    const { sandbox, collector, events } = await place(t, {});
    sandbox.generate(CONTRACT, { count: 20, ...lastMinutes(4) });
    assertNoComplaint(await collector.run('--overlap', '300s'));
    const now = Date.now();
    sandbox.generate(CONTRACT, { count: 2, from: now - 60 * SECOND, to: now - 30 * SECOND });
    assertNoComplaint(await collector.run('--overlap', '300s'));
    sandbox.generate(CONTRACT, { count: 1, from: now - 270 * SECOND, to: now - 260 * SECOND });
    const { code, stderr } = await collector.run('--overlap', '300s');
    assert.equal(code, 0);
    assert.match(stderr, /warning: ionos\/9876543218374837483: events came up to .* late.*--overlap/);
    assertPrintedOnce(collector.printed, events());
    assert.equal(collector.contract(CONTRACT).late.count, 3);
  });
});
