import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PIPELINE, installedMachine } from '../../helpers/checked-machine.ts';

it('a variable that is a switch is not a secret, whatever its name', async (t) => {
  const machine = await installedMachine(t);
  await machine.edit(PIPELINE, [/^/, '@SET USE_TOKEN=on\n']);
  assert.deepEqual(await machine.faults(), []);
  await machine.edit(PIPELINE, ['USE_TOKEN=on', 'USE_TOKEN=k-4711']);
  assert.deepEqual((await machine.faults()).map(({ code }) => code), ['plain-secret']); // prettier-ignore
});
