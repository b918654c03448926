import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HourCounts, hourOf } from '../../src/state/hour-counts.ts';
import '../helpers/properties.ts';

const HOUR = 3_600;
/** Within a few hours, and their first and last seconds, too. */
const seconds = fc
  .tuple(fc.integer({ min: 498_000, max: 498_009 }), fc.constantFrom(0, 1, 1_800, HOUR - 1))
  .map(([hour, rest]) => hour * HOUR + rest);

function countsOf(list: readonly number[]): HourCounts {
  const counts = new HourCounts();
  for (const second of list) counts.add(second);
  return counts;
}

describe('how many events of each hour the journal has', () => {
  it('is right for every span of hours, in whatever order the events came, and after it was saved', () => {
    fc.assert(
      fc.property(fc.array(seconds, { maxLength: 30 }), seconds, seconds, (list, one, other) => {
        const [from, to] = [hourOf(one), other];
        const expected = list.filter((second) => hourOf(second) >= from && hourOf(second) < to).length;
        const counts = countsOf(list);
        assert.equal(counts.between(from, to), expected);
        const saved = JSON.parse(JSON.stringify(counts)) as number[];
        assert.equal(new HourCounts(saved).between(from, to), expected);
        assert.deepEqual(new HourCounts(saved).toJSON(), saved);
      }),
    );
  });

  it('forgets the hours that were over before a second, and no other', () => {
    fc.assert(
      fc.property(fc.array(seconds, { maxLength: 30 }), seconds, (list, second) => {
        const counts = countsOf(list);
        counts.forgetBefore(second);
        assert.deepEqual(counts.toJSON(), countsOf(list.filter((one) => hourOf(one) + HOUR > second)).toJSON());
      }),
    );
  });

  it('is saved as the distance from the hour before and the number, hour by hour', () => {
    const counts = countsOf([3 * HOUR, HOUR, HOUR + 1, 3 * HOUR + 5, 3 * HOUR + 6]);
    assert.equal(JSON.stringify(counts), '[1,2,2,3]');
    counts.add(5 * HOUR);
    counts.forgetBefore(2 * HOUR);
    assert.equal(JSON.stringify(counts), '[3,3,2,1]');
    counts.forgetBefore(100 * HOUR);
    assert.equal(JSON.stringify(counts), '[]');
  });
});
