import assert from 'node:assert/strict';
import { it } from 'node:test';
import { codeOf, messageOf } from '../../src/lib/errors.ts';

it('anything that was thrown has a text', () => {
  assert.equal(messageOf(new RangeError('too large')), 'too large');
  assert.equal(messageOf('a text'), 'a text');
  assert.equal(messageOf(undefined), 'undefined');
  assert.equal(messageOf(new RangeError('')), 'RangeError');
  assert.equal(messageOf(Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })), 'ECONNREFUSED');
});

it('an error has a code where that is a text', () => {
  assert.equal(codeOf(Object.assign(new Error(''), { code: 'ENOENT' })), 'ENOENT');
  assert.equal(codeOf(Object.assign(new Error(''), { code: 7 })), undefined);
  assert.equal(codeOf({ code: 'ENOENT' }), undefined);
});
