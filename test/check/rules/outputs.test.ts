import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { OUTPUT, PIPELINE, installedMachine } from '../../helpers/checked-machine.ts';

it('accepts a Retry_Limit without end only, in any case', async (t) => {
  const machine = await installedMachine(t);
  for (const [value, found] of [
    ['No_Limits', []],
    ['false', []],
    ['5', ['Retry_Limit 5']],
    ['many', ['Retry_Limit many']],
    ['no_retries', ['Retry_Limit no_retries']],
  ] as const) {
    await machine.edit(OUTPUT, [/^ +Retry_Limit .*$/m, `    Retry_Limit ${value}`]);
    assert.deepEqual(
      (await machine.faults()).map(({ message }) => message),
      found,
    );
  }
});

it('says that an output is sound beside one that is not', async (t) => {
  const machine = await installedMachine(t);
  const text = await readFile(machine.path(OUTPUT), 'utf8');
  await machine.write('/etc/fluent-bit/outputs/second.conf', text.replace(/^ +Alias .*$/m, '    Alias second'));
  await machine.edit(PIPELINE, ['@INCLUDE outputs/ionos.conf', '@INCLUDE outputs/ionos.conf\n@INCLUDE outputs/second.conf']); // prettier-ignore
  await machine.edit(OUTPUT, [/^ +Retry_Limit .*$/m, '    Retry_Limit 5']);
  assert.match((await machine.run()).stdout, /✓ .*: output second receives the events of activity_log,/);
});
