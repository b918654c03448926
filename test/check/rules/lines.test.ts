import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ENVIRONMENT, PARSERS, PIPELINE, installedMachine } from '../../helpers/checked-machine.ts';

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

it('a time key that no event has is cured by either of the two ways that check offers', async (t) => {
  const parser = '[PARSER]\n    Name mine\n    Format json\n    Time_Key time\n    Time_Keep On\n';
  for (const way of ['with the field', 'without the key']) {
    const machine = await installedMachine(t);
    await machine.edit(PARSERS, [/$/, parser]);
    await machine.edit(PIPELINE, [/(?<=^ +Parser +)\S+$/m, 'mine'], ['outputs/ionos.conf', 'outputs/kafka.conf']);
    const [fault, ...others] = await machine.faults();
    assert.deepEqual([fault?.code, others], ['parser-time', []]);
    const fix = 'ACTIVITY_LOG_ADD_FIELDS=time, and Parser activity_log_event_time; or leave Time_Key out';
    assert.equal(fault?.fix, fix);
    if (way === 'with the field') {
      await machine.edit(ENVIRONMENT, [/$/, 'ACTIVITY_LOG_ADD_FIELDS=time\n']);
      await machine.edit(PIPELINE, [/(?<=^ +Parser +)mine$/m, 'activity_log_event_time']);
    } else {
      await machine.edit(PARSERS, [/(?<=Name mine\n.*\n) +Time_Key time\n/, '']);
    }
    assert.deepEqual(await machine.faults(), [], way);
  }
});
