import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { EventId } from '../../src/events/event-id.ts';
import { talliesOf } from '../../src/verify/compare-ids.ts';
import { IdParts, SIDES, type IdRecord, type Side } from '../../src/verify/id-parts.ts';

function record(n: number, rest: Partial<IdRecord> = {}): IdRecord {
  const id = new EventId(n, n ^ 1, n ^ 2, n ^ 3, n ^ 4);
  return { id, second: 1_795_292_755, side: 'api', source: 0, isNamed: true, ...rest };
}

function partsOf(t: TestContext, records: readonly IdRecord[]): IdParts {
  const parts = new IdParts();
  t.after(() => parts.close());
  for (const one of records) parts.add(one);
  return parts;
}

const all = (parts: IdParts): IdRecord[][] => [...parts.parts()].map((records) => [...records]);

describe('ids in parts', () => {
  it('come back as they were put in', (t) => {
    const records = [
      ...SIDES.map((side, source) => record(source, { side, source })),
      record(7, { isNamed: false, second: 0 }),
      record(8, { source: 20_000_000, second: 4_294_967_295 }),
      record(-0x80000000),
      record(0x7fffffff),
    ];
    const found = all(partsOf(t, records));
    const bySource = (list: IdRecord[]) => list.toSorted((a, b) => a.id.a - b.id.a || a.source - b.source);
    assert.deepEqual(bySource(found.flat()), bySource(records));
    assert.equal(found.length, 256);
  });

  it('are together with those that have the same first byte', (t) => {
    const found = all(partsOf(t, [record(0x01000000), record(0x01ffff00), record(0x02000000), record(-1)]));
    assert.deepEqual(
      found.flatMap((records, part) => (records.length > 0 ? [[part, records.length]] : [])),
      [
        [1, 2],
        [2, 1],
        [255, 1],
      ],
    );
  });

  it('are in files for the owner alone where they are many, and these go in the end', (t) => {
    const folders = () =>
      new Set(readdirSync(tmpdir()).filter((name) => name.startsWith('fetch-activity-logs-verify-')));
    const before = folders();
    const records = Array.from({ length: 5_000 }, (_, n) => record(n));
    const parts = partsOf(t, [...records, record(0x01000000)]);
    const made = [...folders()].filter((name) => !before.has(name)).map((name) => join(tmpdir(), name));
    const [folder = ''] = made.filter((name) => statSync(name).isDirectory() && existsSync(join(name, '0')));
    assert.deepEqual(readdirSync(folder), ['0']);
    assert.equal(statSync(join(folder, '0')).mode & 0o777, 0o600);
    const [first, second] = all(parts);
    assert.deepEqual(first, records);
    assert.equal(second?.length, 1);
    parts.close();
    assert.equal(existsSync(folder), false);
  });
});

describe('how often each side has an event', () => {
  function tallies(
    t: TestContext,
    bySource: boolean,
    records: readonly IdRecord[],
  ): [number, number, Partial<Record<Side, number>>][] {
    return Array.from(talliesOf(partsOf(t, records), bySource), ({ id, source, counts }) => [
      id.a,
      source,
      Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0)),
    ]);
  }

  it('is counted side by side', (t) => {
    const records = [record(1), record(1, { side: 'delivered' }), record(1, { side: 'delivered' }), record(2)];
    assert.deepEqual(tallies(t, true, records), [
      [1, 0, { delivered: 2, api: 1 }],
      [2, 0, { api: 1 }],
    ]);
  });

  it('is counted for each source apart, or for all together under the source of the journal', (t) => {
    const records = [record(1, { side: 'arrived' }), record(1, { side: 'delivered', source: 7 })];
    assert.deepEqual(tallies(t, true, records), [
      [1, 7, { delivered: 1 }],
      [1, 0, { arrived: 1 }],
    ]);
    assert.deepEqual(tallies(t, false, records), [[1, 7, { delivered: 1, arrived: 1 }]]);
  });

  it('is that of the event in the journal where the copy does not have its bytes', (t) => {
    const { id } = record(1);
    const arrived = record(1, { side: 'arrived', id: new EventId(id.a, id.b, id.c, id.d) });
    const journalled = record(1, { side: 'delivered' });
    assert.deepEqual(tallies(t, false, [arrived, arrived, journalled]), [[1, 0, { delivered: 1, arrived: 2 }]]);
  });
});
