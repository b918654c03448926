import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isWorthNoting, tooLate } from '../../src/session/failures.ts';
import { PageError, StateError, StdoutError } from '../../src/lib/errors.ts';
import { Stopped } from '../../src/lib/run.ts';

it('status does not show SIGTERM, the state or stdout as the failure of a source', () => {
  const errors = [new Stopped('stopped by SIGTERM'), new StateError('full'), new StdoutError('closed')];
  assert.deepEqual(errors.map(isWorthNoting), [false, false, false]);
  assert.ok(isWorthNoting(new PageError('not JSON')));
});

it('a run whose deadline came before its first page says what failed last', () => {
  const reason = new Stopped('the deadline of 4 min came');
  assert.equal(tooLate(reason).message, 'the deadline of 4 min came before anything was collected');
  assert.match(tooLate(reason, 'HTTP 503').message, /before anything was collected; last failure: HTTP 503$/);
});
