import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ENVIRONMENT, PIPELINE, installedMachine } from '../../helpers/checked-machine.ts';

it('the Buf_Size that check proposes holds the longest line, and is never below the one that is shipped', async (t) => {
  for (const [bytes, size] of [
    ['4096', '2M'],
    ['2000000', '3M'],
  ] as const) {
    const machine = await installedMachine(t);
    await machine.edit(PIPELINE, [/^ +Buf_Size .*\n/m, '']);
    await machine.edit(ENVIRONMENT, [/$/, `ACTIVITY_LOG_MAX_LINE_BYTES=${bytes}\n`]);
    const [fault] = await machine.faults();
    assert.equal(fault?.code, 'buf-size');
    assert.match(fault.fix ?? '', new RegExp(`Buf_Size +${size}$`));
  }
});
