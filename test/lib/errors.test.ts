import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  ApiError,
  AppError,
  ConfigError,
  LockedError,
  NotTakenError,
  OutputError,
  PageError,
  StateError,
  StdoutError,
  codeOf,
  messageOf,
} from '../../src/lib/errors.ts';

it('an error of each kind has its own code, the exit code that the help promises, and its cause', () => {
  const cause = new Error('cause');
  const rows: [AppError, code: string, exitCode: number, cause?: unknown][] = [
    [new ConfigError('x'), 'CONFIG', 2],
    [new ConfigError('x', 1), 'CONFIG', 1],
    [new StateError('x', cause), 'STATE', 1, cause],
    [new LockedError('x'), 'LOCKED', 75],
    [new StdoutError('x', cause), 'STDOUT', 4, cause],
    [new NotTakenError('x', cause), 'NOT_TAKEN', 4, cause],
    [new OutputError('x', cause), 'OUTPUT', 1, cause],
    [new PageError('x', cause), 'PAGE', 1, cause],
    [new ApiError('x', { retryable: true, cause }), 'API', 1, cause],
  ];
  for (const [error, ...expected] of rows) {
    const { code, exitCode, cause: why, name, message } = error;
    assert.deepEqual([code, exitCode, ...(why === undefined ? [] : [why])], expected);
    assert.deepEqual([name, message], [error.constructor.name, 'x']);
  }
});

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
