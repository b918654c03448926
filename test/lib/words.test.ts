import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { counted, listed } from '../../src/lib/words.ts';

describe('counted', () => {
  const rows: [number, string][] = [
    [0, '0 events'],
    [1, '1 event'],
    [999, '999 events'],
    [1000, '1,000 events'],
    [1_234_567, '1,234,567 events'],
  ];
  for (const [count, shown] of rows)
    it(`writes ${count} as ${shown}`, () => assert.equal(counted(count, 'event'), shown));
});

it('names are listed up to a number, and the rest are counted', () => {
  assert.equal(listed(['a', 'b', 'c'], 3), 'a, b, c');
  assert.equal(listed(['a', 'b', 'c', 'd', 'e'], 3), 'a, b, c and 2 more');
  assert.equal(listed(Array<string>(1_003).fill('a'), 3), 'a, a, a and 1,000 more');
  assert.equal(listed([], 3), '');
});
