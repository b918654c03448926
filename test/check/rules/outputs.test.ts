import assert from 'node:assert/strict';
import { it } from 'node:test';
import { OUTPUT, installedMachine } from '../../helpers/checked-machine.ts';

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
