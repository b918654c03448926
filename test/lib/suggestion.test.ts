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
});
