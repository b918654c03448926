import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endOfBrokenElement } from '../../src/events/broken-element.ts';

describe('an element of a list that is not JSON', () => {
  for (const [element, what] of [
    ['nonsense', 'no value at all'],
    ['{"a":01}', 'a number that is none'],
    ['{"a":01,"b":[1,{"c":[]}]}', 'with lists and objects inside'],
    ['{"a":"],","b":01}', 'with what ends it in a string'],
    ['{"a":"\\"],\\\\","b":01}', 'with escapes in a string'],
  ]) {
    it(`ends before the comma or bracket behind it: ${what}`, () => {
      for (const next of [',{}]', ']']) {
        const json = Buffer.from(`[${element ?? ''}${next}`);
        assert.equal(endOfBrokenElement(json, 1), json.length - next.length);
      }
    });
  }

  for (const text of ['{"a":[01,{}]', '{"a":01}}]', '{"a:01},{}]', '01']) {
    it(`has no end that can be told where brackets or quotes are not in pairs: ${text}`, () => {
      assert.equal(endOfBrokenElement(Buffer.from(text), 0), undefined);
    });
  }
});
