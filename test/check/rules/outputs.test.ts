import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { OUTPUT, PIPELINE, installedMachine } from '../../helpers/checked-machine.ts';

it('says after how many retries events are dropped, as Fluent Bit reads Retry_Limit', async (t) => {
  const machine = await installedMachine(t);
  for (const [value, retries] of [
    ['5', '5 retries'],
    ['1', 'one retry'],
    ['-3', 'one retry'],
    ['many', 'one retry'],
    ['no_retries', '0 retries'],
  ] as const) {
    await machine.edit(OUTPUT, [/^ +Retry_Limit .*$/m, `    Retry_Limit ${value}`]);
    const [fault] = await machine.faults();
    assert.equal(fault?.message, `Retry_Limit ${value}`);
    assert.match(fault.impact ?? '', new RegExp(`^what cannot be sent after ${retries} is dropped`));
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
