import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { counted } from '../../src/lib/words.ts';

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
