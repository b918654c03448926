import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EventId } from '../../src/events/event-id.ts';
import { EventIdMap, hashOf } from '../../src/events/event-id-map.ts';
import '../helpers/properties.ts';

const entriesOf = (map: EventIdMap) => [...map.entries()].map(([id, value]): [string, number] => [String(id), value]);

/** Few enough to meet, and unlike in one word only: what compares three of the four would take them for one. */
const anyId = fc
  .tuple(fc.constantFrom(0, 1, 2, 3), fc.constantFrom(0, 1, -1, 0x40000000, -0x80000000))
  .map(
    ([word, bits]) =>
      new EventId(...([0, 1, 2, 3].map((n) => (n === word ? bits : 0)) as [number, number, number, number])),
  );

describe('EventIdMap', () => {
  it('does what a Map does, in the same order', () => {
    const step = fc.oneof(
      fc.record({ add: anyId, value: fc.nat(9) }),
      fc.record({ set: anyId, value: fc.nat(9) }),
      fc.record({ deleteBelow: fc.nat(9) }),
      fc.record({ clear: fc.constant(true) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const map = new EventIdMap();
        const model = new Map<string, number>();
        for (const one of steps) {
          if ('add' in one) {
            const id = String(one.add);
            assert.equal(map.add(one.add, one.value), model.has(id) ? 'known' : 'new');
            if (!model.has(id)) model.set(id, one.value);
          } else if ('set' in one) {
            assert.equal(map.set(one.set, one.value), model.get(String(one.set)));
            model.set(String(one.set), one.value);
          } else if ('clear' in one) {
            map.clear();
            model.clear();
          } else {
            map.deleteBelow(one.deleteBelow);
            for (const [id, value] of model) if (value < one.deleteBelow) model.delete(id);
          }
          assert.equal(map.size, model.size);
        }
        assert.deepEqual(entriesOf(map), [...model]);
      }),
      { numRuns: 500 },
    );
  });

  it('holds as many as come, whichever of their bits differ, and lets go of some of them', () => {
    for (let shift = 0; shift < 128; shift += 8) {
      const map = new EventIdMap();
      const ids = Array.from({ length: 256 * 8 }, (_, n) => {
        const words: [number, number, number, number] = [n >> 8, 0, 0, n >> 8];
        words[shift >> 5] = (words[shift >> 5] ?? 0) ^ ((n & 255) << (shift & 31));
        return new EventId(...words);
      });
      const firstOf = new Map(ids.map((id, n): [string, number] => [String(id), n]).reverse());
      ids.forEach((id, n) => map.add(id, n));
      assert.equal(map.size, firstOf.size);
      map.deleteBelow(1000);
      assert.deepEqual(
        entriesOf(map).map(([, n]) => n),
        [...map.entries()].map(([id]) => firstOf.get(String(id))),
      );
      assert.ok([...map.entries()].every(([id, n]) => n >= 1000 && map.add(id, 0) === 'known'));
    }
  });

  it('tells ids with the same UUID apart by their checks, and takes an unknown check for the first that comes', () => {
    const id = (check?: number) => new EventId(1, 2, 3, 4, check);
    const map = new EventIdMap();
    assert.deepEqual(
      [id(7), id(8), id(7), id(8), id()].map((one) => map.add(one, 0)),
      ['new', 'altered', 'known', 'known', 'known'],
    );
    map.clear();
    assert.deepEqual(
      [id(), id(7), id(8), id(7)].map((one) => map.add(one, 0)),
      ['new', 'known', 'altered', 'known'],
    );
    map.clear();
    map.set(id(), 5);
    assert.equal(map.set(id(7), 6), 5);
    assert.equal(map.set(id(8), 7), undefined);
    assert.deepEqual(entriesOf(map), [
      [String(id(7)), 6],
      [String(id(8)), 7],
    ]);
  });

  it('spreads ids whose words differ in a few bits, or in the same bits, over its buckets', () => {
    const COUNT = 1024;
    for (const words of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]) {
      for (let shift = 0; shift <= 22; shift++) {
        const buckets = new Set<number>();
        for (let n = 0; n < COUNT; n++) {
          const word = (place: number) => ((words >> place) & 1) * (n << shift);
          buckets.add(hashOf(word(0), word(1), word(2), word(3)) & (COUNT - 1));
        }
        // Chance fills 63 % of them.
        assert.ok(buckets.size > 0.3 * COUNT, `words ${words.toString(2)}, shift ${shift}: ${buckets.size}`);
      }
    }
  });

  it('may get more while it is gone through, as a Map may', () => {
    const map = new EventIdMap();
    map.add(new EventId(1, 1, 1, 1), 0);
    for (const [, value] of map.entries()) if (value < 1000) map.add(new EventId(1, 1, 1, value + 2), value + 1);
    assert.deepEqual(
      [...map.entries()].map(([{ a, d }, value]) => a === 1 && d === value + 1),
      Array(1001).fill(true),
    );
  });

  it('takes infinity for a value', () => {
    const map = new EventIdMap();
    map.add(new EventId(0, 0, 0, 0), Infinity);
    map.deleteBelow(Number.MAX_VALUE);
    assert.deepEqual(entriesOf(map), [['00000000-0000-0000-0000-000000000000', Infinity]]);
  });
});
