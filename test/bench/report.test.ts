import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median, ratio, table } from './report.ts';

describe('the report', () => {
  it('takes the middle one of the figures, or the mean of the middle two', () => {
    assert.deepEqual([[5], [9, 1, 2], [4, 1, 3, 2]].map(median), [5, 2, 2.5]);
  });

  it('writes small ratios with more digits, and none for nothing', () => {
    assert.deepEqual([2.345, 0.1, 0.0512, NaN].map(ratio), ['2.35', '0.10', '0.051', '–']);
  });

  it('lines up its columns', () => {
    assert.equal(
      table(
        ['', 'wall'],
        [
          ['ours', '1 ms'],
          ['a peer', '10.5 s'],
        ],
      ),
      ['|        |   wall |', '|--------|-------:|', '| ours   |   1 ms |', '| a peer | 10.5 s |'].join('\n'),
    );
  });
});
