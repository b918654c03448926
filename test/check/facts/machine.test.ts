import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { READ, mayUser, thisMachine } from '../../../src/check/facts/machine.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

it('root may read everything, by name or by number, and another user by the modes', async (t) => {
  const machine = { ...thisMachine(), root: await temporaryFolder(t) };
  mkdirSync(join(machine.root, 'etc'));
  writeFileSync(join(machine.root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nfluent:x:4242:4242::/:/bin/false\n');
  const file = join(machine.root, 'token');
  writeFileSync(file, '');
  chmodSync(file, 0);
  const may = ['root', '0', 'fluent', 'somebody'].map((user) => mayUser(user, READ, file, machine));
  assert.deepEqual(may, [true, true, false, undefined]);
});
