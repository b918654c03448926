import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as narrow from '../../src/lib/narrow.ts';

describe('narrowing what comes from outside', () => {
  const wrong: [string, () => unknown, string][] = [
    ['null for an object', () => narrow.object(null, 'a'), 'a is null, expected an object'],
    ['a list for an object', () => narrow.object([1], 'a'), 'a is [1], expected an object'],
    ['an object for a list', () => narrow.list({}, 'a'), 'a is {}, expected a list'],
    ['a number among strings', () => narrow.texts(['x', 1], 'a'), 'a[1] is 1, expected a string'],
    ['a string among numbers', () => narrow.numbers([1, 'x'], 'a'), 'a[1] is "x", expected a number'],
    ['a negative number among numbers', () => narrow.numbers([-1], 'a'), 'a[0] is -1, expected a number'],
    ['nothing for a string', () => narrow.text(undefined, 'a.b'), 'a.b is missing, expected a string'],
    ['a negative number', () => narrow.count(-1, 'a'), 'a is -1, expected a number'],
    [
      'a number that JSON takes and nobody can count',
      () => narrow.count(Infinity, 'a'),
      'a is null, expected a number',
    ],
    ['the same among others', () => narrow.counts({ b: 1, c: Infinity }, 'a'), 'a["c"] is null, expected a number'],
    [
      'a value within a part',
      () => narrow.within('a', () => narrow.count('x', 'b'), 0),
      'a.b is "x", expected a number',
    ],
    ['a string for a number', () => narrow.countOrNull('1', 'a'), 'a is "1", expected a number'],
    ['a text that is not JSON', () => narrow.parseJson('{'), 'it is not JSON'],
  ];
  for (const [name, narrowIt, message] of wrong) {
    it(`names what is wrong with ${name}`, () => assert.throws(narrowIt, { name: 'ShapeError', message }));
  }

  it('leaves alone what is wrong for another reason', () => {
    const broken = () => {
      throw new RangeError('too deep');
    };
    assert.throws(() => narrow.within('a', broken, 0), { name: 'RangeError', message: 'too deep' });
  });

  it('shows no more than the beginning of a long value', () => {
    assert.throws(() => narrow.count('x'.repeat(1000), 'a'), { message: `a is "${'x'.repeat(79)}, expected a number` });
  });

  it('takes what is missing for null where that is allowed', () => {
    assert.equal(narrow.textOrNull(undefined, 'a'), null);
    assert.equal(narrow.countOrNull(null, 'a'), null);
    assert.equal(narrow.textOrNull('x', 'a'), 'x');
    assert.equal(narrow.countOrNull(2, 'a'), 2);
  });
});
