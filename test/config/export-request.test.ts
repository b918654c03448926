import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertBegun, readExportRequest } from '../../src/config/export-request.ts';
import { readPastRange } from '../../src/config/past-range.ts';

const PRESENT = Date.parse('2026-11-21T20:30:00Z') / 1000;
const NOW = PRESENT * 1000 + 500;
const HOUR = 3600;

describe('the range of an export', () => {
  const rangeOf = (options: Readonly<Record<string, string>>, now = NOW) => readExportRequest(options).rangeAt(now);

  for (const [options, from, to] of [
    [{ from: '1h' }, PRESENT - HOUR, PRESENT],
    [{ from: ' 2h', to: '1h' }, PRESENT - 2 * HOUR, PRESENT - HOUR + 1],
    [{ from: '1h', to: '2026-11-22T00:00:00Z' }, PRESENT - HOUR, PRESENT],
    [{ from: '2026-11-21T20:00:00.9Z', to: '2026-11-21T20:00:01.1Z' }, PRESENT - HOUR / 2, PRESENT - HOUR / 2 + 2],
    [{ from: '1900-01-01' }, 0, PRESENT],
    [{ from: '2026-11-22T00:00:00Z' }, PRESENT + 3.5 * HOUR, PRESENT],
  ] as const) {
    it(`is in whole seconds, none left out: ${JSON.stringify(options)}`, () => {
      const { from: given, to: until } = { to: null, ...options };
      assert.deepEqual(rangeOf(options), { from, to, given: { from: given.trim(), to: until } });
    });
  }

  it('needs a beginning, which is before its end', () => {
    const without = 'export requires --from, such as --from 24h or --from 2026-01-31';
    assert.throws(() => rangeOf({ to: '1h' }), { message: without });
    const empty = '--from (2026-11-21T20:00:00Z) must be before --to (2026-11-21T20:00:00Z)';
    assert.throws(() => rangeOf({ from: '2026-11-21T20:00:00Z', to: '2026-11-21T20:00:00Z' }), { message: empty });
    const future = '--from (2026-11-22T00:00:00Z) must be before the present (2026-11-21T20:30:00Z)';
    assert.throws(() => assertBegun(rangeOf({ from: '2026-11-22T00:00:00Z' })), { message: future });
    assert.throws(() => assertBegun(rangeOf({ from: '0s' }, PRESENT * 1000)), /must be before the present/);
    assertBegun(rangeOf({ from: '1s' }));
  });
});

describe('the options of an export', () => {
  it('have no deadline but the one that is given: those of polls are for runs every few minutes', () => {
    assert.equal(readExportRequest({ from: '1d' }).deadlineMs, Infinity);
    assert.equal(readExportRequest({ from: '1d', deadline: '2m' }).deadlineMs, 120_000);
    assert.equal(readExportRequest({ from: '1d', deadline: '1s' }).deadlineMs, 1_000);
    assert.throws(() => readExportRequest({ from: '1d', deadline: '999ms' }), /--deadline: expected/);
  });

  for (const [options, output, format] of [
    [{}, undefined, 'jsonl'],
    [{ output: '-' }, undefined, 'jsonl'],
    [{ output: 'a.CSV' }, 'a.CSV', 'csv'],
    [{ output: 'a.csv.gz' }, 'a.csv.gz', 'jsonl'],
    [{ output: 'a.csv', format: 'jsonl' }, 'a.csv', 'jsonl'],
    [{ format: 'csv' }, undefined, 'csv'],
  ] as const) {
    it(`are ${format} for ${JSON.stringify(options)}`, () => {
      const request = readExportRequest({ from: '1d', ...options });
      assert.deepEqual([request.output, request.format], [output, format]);
    });
  }

  it('have commas between the cells, replace nothing and report nothing unless asked', () => {
    const { separator, isForced, report } = readExportRequest({ from: '1d' });
    assert.deepEqual([separator, isForced, report], ['comma', false, undefined]);
    const asked = readExportRequest({ from: '1d', separator: 'tab', force: true, report: 'r.json' });
    assert.deepEqual([asked.separator, asked.isForced, asked.report], ['tab', true, 'r.json']);
    assert.throws(() => readExportRequest({ from: '1d', separator: '|' }), /--separator: expected/);
  });

  it('add no fields to csv', () => {
    assert.throws(() => readExportRequest({ from: '1d', output: 'a.csv', 'add-fields': 'time' }), {
      message: '--add-fields is for jsonl: the columns of csv are always the same',
    });
    readExportRequest({ from: '1d', 'add-fields': 'time' });
  });
});

describe('a range of the past', () => {
  const read = (options: Readonly<Record<string, string>>, begin?: number) =>
    readPastRange(options, NOW, 'redeliver', begin);

  it('begins where it is said, or with the default, and ends now', () => {
    assert.deepEqual(read({ from: '1h' }), { from: PRESENT - HOUR, to: PRESENT });
    assert.deepEqual(read({ from: '1900-01-01', to: '1h' }), { from: 0, to: PRESENT - HOUR + 1 });
    assert.deepEqual(read({}, 5), { from: 5, to: PRESENT });
    assert.deepEqual(read({ from: '1h' }, 5), { from: PRESENT - HOUR, to: PRESENT });
    assert.deepEqual(read({ from: '1h', to: '2026-11-21T20:30:00Z' }).to, PRESENT);
  });

  for (const [options, message] of [
    [{}, 'redeliver requires --from, such as --from 24h or --from 2026-01-31'],
    [{ from: '2026-11-21T20:30:00Z' }, '--from (2026-11-21T20:30:00Z) is in the future'],
    [{ from: '1h', to: '2026-11-21T20:30:01Z' }, '--to (2026-11-21T20:30:01Z) is in the future'],
    [
      { from: '2026-11-21T20:00:00Z', to: '2026-11-21T20:00:00Z' },
      '--from (2026-11-21T20:00:00Z) must be before --to (2026-11-21T20:00:00Z)',
    ],
  ] as const) {
    it(`is refused: ${message}`, () => assert.throws(() => read(options), { message }));
  }
});
