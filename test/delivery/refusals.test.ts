import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noteRefused, portions } from '../../src/delivery/refusals.ts';
import { emptyBatch } from '../../src/state/batch.ts';
import { keyOf } from '../../src/state/source-progress.ts';
import { numberOf, numberedEvent } from '../helpers/known-events.ts';

/** The portions of events 0, 1, 2 …, which Fluent Bit has refused so often. */
function portionsOf(refusals: readonly number[]): number[][] {
  const events = refusals.map((_, n) => numberedEvent(n));
  const strikes: Record<string, number> = {};
  events.forEach((event, n) => {
    if ((refusals[n] ?? 0) > 0) strikes[keyOf(event).toString()] = refusals[n] ?? 0;
  });
  return [...portions(events, { strikes })].map((portion) => portion.map(numberOf));
}

describe('a page with events that Fluent Bit has refused', () => {
  it('begins with what was refused most often, and what was never refused comes last, together', () => {
    assert.deepEqual(portionsOf([0, 1, 2, 0, 1, 2]), [[2], [5], [1, 4], [0, 3]]);
  });

  it('is printed in portions of 100 where they were refused once, so that a later run finds the line among 100', () => {
    const lengths = portionsOf(Array.from({ length: 250 }, () => 1)).map((portion) => portion.length);
    assert.deepEqual(lengths, [100, 100, 50]);
  });

  it('blames none that the filter left out: Fluent Bit never saw them', () => {
    const [left, printed] = [numberedEvent(1), numberedEvent(2)].map(keyOf);
    assert.ok(left !== undefined && printed !== undefined);
    const source = { strikes: {} };
    const entries = [
      { key: left, keepUntil: 1, kind: 'excluded' as const },
      { key: printed, keepUntil: 1, kind: 'delivered' as const },
    ];
    noteRefused(source, { ...emptyBatch(), entries });
    assert.deepEqual(source.strikes, { [printed.toString()]: 1 });
  });

  it('is printed all at once when there are none', () => {
    assert.deepEqual(portionsOf([0, 0, 0]), [[0, 1, 2]]);
  });
});
