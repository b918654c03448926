/** Plays faults on runs of the built collector, and checks that nothing is lost by them. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Sandbox, type SandboxSettings, type StoredEvent, startSandbox } from '../sandbox/server.ts';
import { assertPrintedOnce, eventsOf } from './account.ts';
import { quickCollectorFor } from './collector.ts';
import type { FaultRow } from './fault-table.ts';

export const PLACES = ['first', 'later'] as const;
export const PAGE_SIZE = 4;
const EVENTS = 10;
export const HEALTHY = ['9876543218374837483', '9876543218374837484'];
const FIRST_NUMBER = 31_721_060;
const SECOND = 1000;

type Place = (typeof PLACES)[number];

interface Case {
  readonly row: FaultRow;
  readonly place: Place;
  readonly contract: string;
}

export async function sandboxFor(t: TestContext, settings: SandboxSettings = {}): Promise<Sandbox> {
  const sandbox = await startSandbox(settings);
  t.after(async () => sandbox.close());
  return sandbox;
}

/** One event every few seconds, some minutes ago: a page for each few of them can be had by asking for less time. */
export function addEvents(sandbox: Sandbox, contract: string): StoredEvent[] {
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
export async function playOnPages(t: TestContext, rows: readonly FaultRow[], ...args: string[]): Promise<void> {
  const sandbox = await sandboxFor(t);
  const collector = quickCollectorFor(t, sandbox);
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
  const collector = quickCollectorFor(t, sandbox);
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

export async function playOnLists(t: TestContext, rows: readonly FaultRow[], ...args: string[]): Promise<void> {
  await Promise.all(
    rows.map(async (row) => t.test(`${row.name} on the list`, async (inner) => playOnList(inner, row, ...args))),
  );
}
