import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isWorthNoting } from '../../src/session/failures.ts';
import { PageError, StateError, StdoutError } from '../../src/lib/errors.ts';
import { Stopped } from '../../src/lib/run.ts';

it('status does not show SIGTERM, the state or stdout as the failure of a source', () => {
  const errors = [new Stopped('stopped by SIGTERM'), new StateError('full'), new StdoutError('closed')];
  assert.deepEqual(errors.map(isWorthNoting), [false, false, false]);
  assert.ok(isWorthNoting(new PageError('not JSON')));
});
