import assert from 'node:assert/strict';
import { it } from 'node:test';
import { environmentOf } from '../../../src/check/facts/environment.ts';
import { thisMachine } from '../../../src/check/facts/machine.ts';
import { readService, type Service } from '../../../src/check/facts/service.ts';
import { checkService } from '../../../src/check/rules/service.ts';

it('a service is judged by its state, its unit and its files of variables, each by itself', async () => {
  const machine = { ...thisMachine(), root: '/nowhere', run: () => Promise.resolve(undefined) };
  const sound: Service = { ...(await readService(machine)), isThere: true, isActive: true, status: 'failed (exited)' };
  const found = (made: Partial<Service>, isService = true) =>
    checkService(environmentOf({ ...sound, ...made }, isService, {}, machine)).map(
      ({ level, code, message, file = '', line = 0 }) => `${level} ${code} ${file}:${line} ${message}`,
    );
  assert.deepEqual(found({}), []);
  assert.deepEqual(found({ isActive: false, needsReload: true }, false), [], 'where systemd does not start it');
  const stopped = 'error service :0 the service fluent-bit is failed (exited)';
  const outdated = 'warning service-reload :0 the unit of fluent-bit has changed, and systemd has not read it again';
  assert.deepEqual(found({ isActive: false }), [stopped]);
  assert.deepEqual(found({ needsReload: true }), [outdated]);
  assert.deepEqual(found({ isActive: false, needsReload: true }), [outdated, stopped]);
  const missing = [{ path: '/m', at: { file: '/unit', line: 3 } }];
  assert.deepEqual(found({ unreadable: ['/a', '/b'], missing }), [
    'warning environment /a:0 this user cannot read it',
    'warning environment /b:0 this user cannot read it',
    'error environment /unit:3 /m does not exist',
  ]);
});
