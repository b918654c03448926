import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { assertPrintedOnce, eventsOf } from '../helpers/account.ts';
import { type Collector, collectorFor } from '../helpers/collector.ts';
import {
  BAD_EVENTS,
  BROKEN_BODIES,
  type FaultRow,
  OVERSIZED,
  SILENCES,
  STATUSES,
  redirects,
} from '../helpers/fault-table.ts';
import { type Sandbox, type SandboxSettings, type StoredEvent, startSandbox } from '../sandbox/server.ts';

const PLACES = ['first', 'later'] as const;
const PAGE_SIZE = 4;
const EVENTS = 10;
const HEALTHY = ['9876543218374837483', '9876543218374837484'];
const FIRST_NUMBER = 31_721_060;
const SECOND = 1000;
/** Runs at once where most of the time is spent waiting. */
const RUNS_AT_ONCE = 16;

type Place = (typeof PLACES)[number];

interface Case {
  readonly row: FaultRow;
  readonly place: Place;
  readonly contract: string;
}

async function sandboxFor(t: TestContext, settings: SandboxSettings = {}): Promise<Sandbox> {
  const sandbox = await startSandbox(settings);
  t.after(async () => sandbox.close());
  return sandbox;
}

/** One event every few seconds, some minutes ago: a page for each few of them can be had by asking for less time. */
function addEvents(sandbox: Sandbox, contract: string): StoredEvent[] {
  const start = Date.now() - 200 * SECOND;
  return Array.from({ length: EVENTS }, (_, nth) => {
    const from = start + nth * 7 * SECOND;
    return sandbox.generate(contract, { count: 1, from, to: from + SECOND });
  }).flat();
}

function healsWhenPersistent({ row, place }: Case): boolean {
  return row.answer === 'refused' && place === 'later';
}

function healsWhenOnce({ row }: Case): boolean {
  return row.answer !== 'final';
}

/** Plays each fault in a contract of its own, all contracts in the same run. */
async function playOnPages(t: TestContext, rows: readonly FaultRow[], ...args: string[]): Promise<void> {
  const sandbox = await sandboxFor(t);
  const collector = await collectorFor(t, sandbox);
  const cases = rows
    .flatMap((row) => PLACES.map((place) => ({ row, place })))
    .map(({ row, place }, nth): Case => ({ row, place, contract: `${FIRST_NUMBER + nth}` }));
  const contracts = [...HEALTHY, ...cases.map(({ contract }) => contract)];
  for (const contract of contracts) addEvents(sandbox, contract);
  const play = (times: number) =>
    cases.map(({ row: { fault }, place, contract }) =>
      sandbox.fail({ match: { kind: 'page', contract, pageIndex: place }, times, fault }),
    );
  const run = async () => collector.run('--page-size', `${PAGE_SIZE}`, ...args);
  const newEvents = () => HEALTHY.forEach((contract) => addEvents(sandbox, contract));
  const printedOf = (contract: string) => {
    const ids = new Set(sandbox.events(contract).map(({ text }) => text));
    return collector.printed.filter((line) => ids.has(line.toString()));
  };
  const check = async (name: string, one: Case, heals: boolean, stderr: string) =>
    t.test(`${one.row.name} on the ${one.place} page, ${name}`, () => {
      const { cursor, start, last_error } = collector.contract(one.contract);
      const printed = printedOf(one.contract);
      if (heals) {
        assertPrintedOnce(printed, sandbox.events(one.contract));
        assert.equal(last_error, null);
        assert.notEqual(cursor, start);
        return;
      }
      assert.equal(cursor, start, 'the cursor stays');
      assert.match(stderr, new RegExp(`^fetch-activity-logs: error: ionos/${one.contract}: .*the next run`, 'm'));
      assert.notEqual(last_error, null);
      assert.equal(printed.length, one.place === 'first' ? 0 : PAGE_SIZE, 'nothing of that page is printed');
    });

  const faults = play(Infinity);
  const first = await run();
  for (const one of cases) await check('again and again', one, healsWhenPersistent(one), first.stderr);
  await t.test('the other contracts go on', () => {
    assert.equal(first.code, 3, first.stderr);
    assertPrintedOnce(HEALTHY.flatMap(printedOf), eventsOf(sandbox, HEALTHY));
  });
  for (const fault of faults) fault.remove();

  newEvents();
  play(1);
  const second = await run();
  const healed = cases.filter((one) => healsWhenPersistent(one) || healsWhenOnce(one));
  for (const one of cases) await check('once', one, healed.includes(one), second.stderr);
  await t.test('the other contracts go on', () => {
    assert.equal(second.code, healed.length === cases.length ? 0 : 3, second.stderr);
    assertPrintedOnce(HEALTHY.flatMap(printedOf), eventsOf(sandbox, HEALTHY));
  });

  newEvents();
  const third = await run();
  await t.test('after the next good run every event has been printed exactly once', () => {
    assert.equal(third.code, 0, third.stderr);
    assertPrintedOnce(collector.printed, eventsOf(sandbox, contracts));
    for (const contract of contracts) assert.equal(collector.contract(contract).last_error, null);
  });
}

/** Plays the fault on the list of contracts. */
async function playOnList(t: TestContext, { answer, fault }: FaultRow, ...args: string[]): Promise<void> {
  const sandbox = await sandboxFor(t);
  const collector = await collectorFor(t, sandbox);
  for (const contract of HEALTHY) addEvents(sandbox, contract);
  const scripted = sandbox.fail({ match: { kind: 'contracts' }, times: Infinity, fault });
  const first = await collector.run(...args);
  assert.equal(first.code, 1, first.stderr);
  assert.match(first.stderr, /^fetch-activity-logs: error: .+\n$/m);
  assert.deepEqual([first.lines, first.rest.length], [[], 0]);
  assert.deepEqual(collector.state().sources, {});
  scripted.remove();

  // Without a second try, playing it once would be the same again.
  if (answer === 'retried') sandbox.fail({ match: { kind: 'contracts' }, fault });
  const second = await collector.run(...args);
  assert.equal(second.code, 0, second.stderr);
  assertPrintedOnce(collector.printed, eventsOf(sandbox, HEALTHY));
}

async function playOnLists(t: TestContext, rows: readonly FaultRow[], ...args: string[]): Promise<void> {
  await Promise.all(
    rows.map(async (row) => t.test(`${row.name} on the list`, async (inner) => playOnList(inner, row, ...args))),
  );
}

describe('a fault on a page of one contract', { concurrency: true, timeout: 300_000 }, () => {
  it('is a status', async (t) => playOnPages(t, STATUSES, '--concurrency', '128'));
  it('is a broken body', async (t) => playOnPages(t, BROKEN_BODIES, '--concurrency', '128'));
  it('is a bad event', async (t) => playOnPages(t, BAD_EVENTS, '--concurrency', '128'));
  it('is silence', async (t) => playOnPages(t, SILENCES, '--concurrency', '16', '--request-timeout', '1s'));
  it('is a page too large', async (t) => playOnPages(t, OVERSIZED, '--concurrency', '1'));

  it('is a redirect', async (t) => {
    const elsewhere = await sandboxFor(t);
    await playOnPages(t, redirects(elsewhere.url), '--concurrency', '32');
    assert.deepEqual(elsewhere.requests, [], 'no other origin is asked');
  });
});

describe('a fault on the list of contracts', { timeout: 300_000 }, () => {
  it('ends the run and loses nothing', { concurrency: RUNS_AT_ONCE }, async (t) => {
    const elsewhere = await sandboxFor(t);
    await playOnLists(t, [...STATUSES, ...BROKEN_BODIES, ...OVERSIZED, ...redirects(elsewhere.url)]);
    assert.deepEqual(elsewhere.requests, [], 'no other origin is asked');
  });

  it('is silence, and ends the run and loses nothing', { concurrency: RUNS_AT_ONCE }, async (t) =>
    playOnLists(t, SILENCES, '--request-timeout', '0.5s'),
  );
});

describe('a token that is not accepted any more', { timeout: 300_000 }, () => {
  const fault = { type: 'status', status: 401 } as const;

  async function losesNothing(t: TestContext, play: (sandbox: Sandbox) => void): Promise<Collector> {
    const sandbox = await sandboxFor(t);
    const collector = await collectorFor(t, sandbox);
    for (const contract of HEALTHY) addEvents(sandbox, contract);
    play(sandbox);
    const { code, stderr } = await collector.run('--page-size', `${PAGE_SIZE}`, '--concurrency', '1');
    assert.equal(code, 1);
    assert.match(stderr, /^fetch-activity-logs: error: 127\.0\.0\.1:\d+ does not accept the token .*\n$/, 'one line');
    const good = await collector.run('--page-size', `${PAGE_SIZE}`);
    assert.equal(good.code, 0, good.stderr);
    assertPrintedOnce(collector.printed, eventsOf(sandbox, HEALTHY));
    return collector;
  }

  it('ends the run at the list', async (t) => {
    await losesNothing(t, (sandbox) => sandbox.fail({ match: { kind: 'contracts' }, fault }));
  });

  for (const pageIndex of PLACES) {
    for (const contract of HEALTHY) {
      it(`ends the run at the ${pageIndex} page of ${contract}`, async (t) => {
        await losesNothing(t, (sandbox) => sandbox.fail({ match: { kind: 'page', contract, pageIndex }, fault }));
      });
    }
  }

  it('is not tried with the contracts that are left', async (t) => {
    const sandbox = await sandboxFor(t, { token: 'another' });
    const collector = await collectorFor(t, sandbox);
    for (const contract of HEALTHY) addEvents(sandbox, contract);
    const args = HEALTHY.flatMap((contract) => ['--contract', contract]);
    assert.equal((await collector.run(...args, '--concurrency', '1')).code, 1);
    assert.equal(sandbox.requests.length, 1);
  });
});

describe('a fault in every contract', () => {
  it('ends with exit code 1, and the next run catches up', async (t) => {
    const sandbox = await sandboxFor(t);
    const collector = await collectorFor(t, sandbox);
    for (const contract of HEALTHY) addEvents(sandbox, contract);
    sandbox.fail({ match: { kind: 'page' }, times: HEALTHY.length, fault: { type: 'status', status: 403 } });
    assert.equal((await collector.run()).code, 1);
    assert.equal((await collector.run()).code, 0);
    assertPrintedOnce(collector.printed, eventsOf(sandbox, HEALTHY));
  });
});
