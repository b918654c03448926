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

  it('holds a page of ids of one kind, in the order of their seconds', () => {
    const list = Array.from({ length: 100 }, (_, n): [EventId, number, EntryKind] => [
      new EventId(n, -n, n, n, n),
      1_000 - n,
      'delivered',
    ]);
    const line = serializeLine({ ...HEAD, sources: { a: { ids: idsByKind(list) } } }, new ReusableMemory());
    const { sources } = JSON.parse(line.toString()) as { sources: { a: Record<string, Record<string, string[]>> } };
    const expected = list.map(([id, second]) => [String(second), [String(id)]]).reverse();
    assert.deepEqual(Object.entries(sources.a['delivered'] ?? {}), expected);
  });

  const ID = String(new EventId(1, 2, 3, 4, 5));
  const lineWith = (source: string, head = '"seq":1,"at":"2026","prev":"0"') =>
    Buffer.from(`{${head},"sources":{"a":${source}}}`);
  const readAll = (line: Buffer) => parseLine(line).sources.forEach(({ forEachId }) => forEachId(() => undefined));

  const UNREADABLE = /^its ids cannot be read at byte \d+$/;
  for (const [what, source, message] of [
    ['a second that is none', `{"delivered":{"x":["${ID}"]}}`, UNREADABLE],
    ['part of a second', `{"delivered":{"1.5":["${ID}"]}}`, UNREADABLE],
    ['a second without its first quote', `{"delivered":{"1":["${ID}"], 2":["${ID}"]}}`, UNREADABLE],
    ['no colon', `{"delivered":{"1";["${ID}"]}}`, UNREADABLE],
    ['no list', `{"delivered":{"1":{"${ID}"]}}`, UNREADABLE],
    ['no end of its second', '{"delivered":{"1', UNREADABLE],
    ['no end of its ids', `{"delivered":{"1":["${ID}"`, UNREADABLE],
    ['something between two seconds', `{"delivered":{"1":["${ID}"];"2":["${ID}"]}}`, UNREADABLE],
    ['an id without a quote', `{"delivered":{"1":[7]}}`, UNREADABLE],
    ['an id that is none', '{"delivered":{"1":["x"]}}', UNREADABLE],
    ['an id without an end', '{"delivered":{"1":["x]}}', UNREADABLE],
    ['something between two ids', `{"delivered":{"1":["${ID}";"${ID}"]}}`, UNREADABLE],
    ['a number for a group of ids', '{"delivered":7}', /^a\.delivered is not a group of ids$/],
    ['a text for a group of ids', '{"excluded":"x"}', /^a\.excluded is "x", expected a number$/],
    ['a start that is a number', '{"start":7}', /^a\.start is 7, expected a string$/],
    ['a source that is a number', '7', /^a is 7, expected an object$/],
  ] as const) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => readAll(lineWith(source)), { name: 'ShapeError', message });
    });
  }

  it('says at which byte it cannot be read', () => {
    const line = lineWith('{"delivered":{"1":["x"]}}');
    assert.throws(() => readAll(line), { message: `its ids cannot be read at byte ${line.indexOf('["x"')}` });
  });

  it('is refused without its number, its time or the hash before it', () => {
    for (const [line, message] of [
      ['[]', 'the line is [], expected an object'],
      ['{"seq":1,"at":"2026","prev":"0"}', 'sources is missing, expected an object'],
      ['{"at":"2026","prev":"0","sources":{}}', 'seq is missing, expected a number'],
      ['{"seq":1,"prev":"0","sources":{}}', 'at is missing, expected a string'],
      ['{"seq":1,"at":"2026","sources":{}}', 'prev is missing, expected a string'],
    ] as const) {
      assert.throws(() => parseLine(Buffer.from(line)), { name: 'ShapeError', message });
    }
  });

  it('says of a source that it starts somewhere, or was retired', () => {
    const read = (source: string) => parseLine(lineWith(source)).sources.get('a');
    assert.deepEqual([read('{"start":"x"}')?.start, read('{}')?.start], ['x', null]);
    assert.deepEqual([read('{"forgotten":true}')?.isForgotten, read('{}')?.isForgotten], [true, false]);
  });

  it('may have sources whose names look like groups of ids', () => {
    const line = Buffer.from('{"seq":1,"at":"2026","prev":"0","sources":{"x":{"late":{"count":2,"max_seconds":3}}}}');
    assert.deepEqual(parseLine(line).sources.get('x')?.batch.late, { count: 2, max_seconds: 3 });
  });
});
