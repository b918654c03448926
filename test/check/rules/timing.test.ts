import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkTiming } from '../../../src/check/rules/timing.ts';
import { CALL, checkedInput, faultsIn } from '../../helpers/checked-input.ts';

describe('the time that a run has', () => {
  for (const [interval, deadline, found] of [
    ['300', '299999ms', []],
    ['300', '300s', ['warning deadline: a run may take 300 s, but the next one starts after 300 s']],
    ['0', '10s', ['warning interval: Interval_Sec "0" is not a number of seconds']],
    ['-5', '10s', ['warning interval: Interval_Sec "-5" is not a number of seconds']],
    ['5m', '10s', ['warning interval: Interval_Sec "5m" is not a number of seconds']],
    ['1e3', '10s', ['warning interval: Interval_Sec "1e3" is not a number of seconds']],
    ['x5', '10s', ['warning interval: Interval_Sec "x5" is not a number of seconds']],
    ['', '10s', []],
    [undefined, '10s', ['warning interval: Interval_Sec is not set']],
  ] as const) {
    it(`is ${deadline} every ${interval ?? '(not set)'}: ${found.join() || 'nothing to say'}`, async () => {
      const env = { ACTIVITY_LOG_DEADLINE: deadline };
      assert.deepEqual(faultsIn(checkTiming(await checkedInput({ input: { interval_sec: interval }, env }))), found);
    });
  }

  it('is shortened to whole seconds, 80 % of the interval, where it is set', async () => {
    for (const [options, fix, line] of [
      ['', 'ACTIVITY_LOG_DEADLINE=26s in /etc/fluent-bit/activity-log.env', 6],
      [' --deadline 9m', '--deadline 26s', 4],
      [' --deadline=9m', '--deadline 26s', 4],
    ] as const) {
      const input = await checkedInput({ input: { command: CALL + options, interval_sec: '33' } });
      const [finding] = checkTiming(input);
      assert.deepEqual([finding?.code, finding?.fix, finding?.line], ['deadline', fix, line]);
    }
  });

  it('is said where all is in order', async () => {
    const said = [{ level: 'ok', code: 'timing', message: 'activity_log: each run is in its own thread, for at most 240 s', file: 'main.conf', line: 0 }]; // prettier-ignore
    assert.deepEqual(checkTiming(await checkedInput()), said);
    const [unknown] = checkTiming(await checkedInput({ input: { command: `${CALL} --nonsense` } }));
    assert.equal(unknown?.message, 'activity_log: each run is in its own thread');
  });
});
