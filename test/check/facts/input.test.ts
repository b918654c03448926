import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PIPELINE, installedMachine } from '../../helpers/checked-machine.ts';

it('an input may be of the plugin Exec, whose name Fluent Bit takes in any case', async (t) => {
  const machine = await installedMachine(t);
  await machine.edit(PIPELINE, [/^ +Name +exec$/m, '    Name Exec']);
  assert.deepEqual(await machine.faults(), []);
});
