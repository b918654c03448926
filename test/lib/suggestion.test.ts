import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { closest } from '../../src/lib/suggestion.ts';

describe('closest', () => {
  const cases: [word: string, meant: string | undefined][] = [
    ['fro', 'from'],
    ['f', undefined],
    ['rfom', 'from'],
    ['form', 'from'],
    ['formt', 'format'],
    ['outptu', 'output'],
    ['', undefined],
    ['everything', undefined],
  ];
  for (const [word, meant] of cases) {
    it(`to "${word}" is ${meant ?? 'nothing'}`, () => {
      assert.equal(closest(word, ['from', 'to', 'format', 'output']), meant);
    });
  }

  it('is the closest of several, in whatever order, and nothing where more than a third is wrong', () => {
    assert.equal(closest('abcdefgh', ['abcdefxy', 'abcdefgx', 'abcdexyz']), 'abcdefgx');
    assert.equal(closest('abcdefxy', ['abcdefgh']), 'abcdefgh');
    assert.equal(closest('abcdxyz', ['abcdefg']), undefined);
    assert.equal(closest('tx', ['to']), 'to');
  });
});
