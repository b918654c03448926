import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EventId } from '../../src/events/event-id.ts';
import { ReusableMemory } from '../../src/lib/reusable-memory.ts';
import { ENTRY_KINDS, type EntryKind } from '../../src/state/batch.ts';
import { FIRST_PREV } from '../../src/state/chain.ts';
import { IdGroups } from '../../src/state/id-groups.ts';
import { parseLine, serializeLine, type SourceRecord } from '../../src/state/journal-line.ts';
import '../helpers/properties.ts';

const HEAD = { seq: 7, at: '2026-11-21T20:30:00.000Z', prev: FIRST_PREV };
const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const ids = fc.tuple(word, word, word, word, word).map((words) => new EventId(...words));
/** Of a few seconds, in any order; of the farthest that a time may be in, too. */
const seconds = fc.oneof(fc.integer({ min: 1_795_292_000, max: 1_795_292_009 }), fc.constantFrom(0, 253_402_300_799));
const entries = fc.array(fc.tuple(ids, seconds, fc.constantFrom(...ENTRY_KINDS)), { maxLength: 40 });
const rests: fc.Arbitrary<SourceRecord> = fc.record(
  { cursor: fc.string(), start: fc.string(), gap: fc.string(), partial: fc.array(fc.string()), oversize: fc.nat(9) },
  { requiredKeys: [], noNullPrototype: true },
);
const sourceNames = fc.string({ unit: 'binary' }).filter((name) => name !== '__proto__');

/** What an object of each id and JSON.stringify make of it. */
function groupsOf(list: readonly [EventId, number, EntryKind][]) {
  const kinds: Partial<Record<EntryKind, Partial<Record<string, string[]>>>> = {};
  for (const [id, second, kind] of list) ((kinds[kind] ??= {})[second] ??= []).push(String(id));
  return kinds;
}

function idsByKind(list: readonly [EventId, number, EntryKind][]): Map<EntryKind, IdGroups> {
  const byKind = new Map<EntryKind, IdGroups>();
  for (const [id, second, kind] of list) {
    let groups = byKind.get(kind);
    if (groups === undefined) byKind.set(kind, (groups = new IdGroups()));
    groups.add(id, second);
  }
  return byKind;
}

describe('a line of the journal', () => {
  it('is JSON, with the ids of each kind by second, and a line break', () => {
    const memory = new ReusableMemory();
    fc.assert(
      fc.property(fc.dictionary(sourceNames, fc.tuple(rests, entries), { maxKeys: 3 }), (all) => {
        const sources = Object.entries(all);
        const written = sources.map(([name, [rest, list]]) => [name, { ...rest, ids: idsByKind(list) }] as const);
        const line = serializeLine({ ...HEAD, sources: Object.fromEntries(written) }, memory).toString();
        const expected = sources.map(([name, [rest, list]]) => [name, { ...rest, ...groupsOf(list) }] as const);
        assert.deepEqual(JSON.parse(line), { ...HEAD, sources: Object.fromEntries(expected) });
        assert.equal(line.indexOf('\n'), line.length - 1);
      }),
    );
  });

  it('gives its ids back as they were, kind by kind and second by second', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const sources = { 'ionos/31721060': { ids: idsByKind(list) } };
        const line = serializeLine({ ...HEAD, sources }, new ReusableMemory());
        const found: [EventId, number, EntryKind][] = [];
        parseLine(line.subarray(0, -1))
          .sources.get('ionos/31721060')
          ?.forEachId((id, second, kind) => found.push([id, second, kind]));
        const shown = (some: typeof found) =>
          some.map(([id, second, kind]) => `${kind} ${second} ${String(id)}`).sort();
        assert.deepEqual(shown(found), shown(list));
      }),
    );
  });
});
