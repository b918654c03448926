import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PIPELINE, installedMachine } from '../../helpers/checked-machine.ts';

describe('the command that check suggests', () => {
  for (const [written, suggested] of [
    ['fetch-activity-logs', 'exec /opt/fluent-bit/scripts/fetch-activity-logs'],
    ['A=1 /opt/fluent-bit/scripts/fetch-activity-logs', 'A=1 exec /opt/fluent-bit/scripts/fetch-activity-logs'],
    ["A='x y' /opt/fluent-bit/scripts/fetch-activity-logs", "A='x y' exec /opt/fluent-bit/scripts/fetch-activity-logs"],
    [
      "/opt/fluent-bit/scripts/fetch-activity-logs --state-file '/srv/my state.json'",
      "exec /opt/fluent-bit/scripts/fetch-activity-logs --state-file '/srv/my state.json'",
    ],
    [
      `/opt/fluent-bit/scripts/fetch-activity-logs --state-file "/srv/it's.json"`,
      String.raw`exec /opt/fluent-bit/scripts/fetch-activity-logs --state-file '/srv/it'\''s.json'`,
    ],
  ] as const) {
    it(`keeps what is in order: ${written}`, async (t) => {
      const machine = await installedMachine(t);
      const acknowledged = '--ack-url ${ACTIVITY_LOG_ACK_URL} --ack-input activity_log';
      await machine.edit(PIPELINE, [/^ +Command .*$/m, `    Command ${written} ${acknowledged}`]);
      const found = (await machine.faults()).filter(({ fix }) => fix?.startsWith('Command'));
      assert.deepEqual([...new Set(found.map(({ fix }) => fix))], [`Command ${suggested} ${acknowledged}`]);
    });
  }
});

it('a deadline of less than a second is not suggested, however often polls begin', async (t) => {
  const machine = await installedMachine(t);
  await machine.edit(PIPELINE, [/^ +Interval_Sec .*$/m, '    Interval_Sec 1']);
  const found = await machine.faults();
  const fixes = found.flatMap(({ code, fix }) => (code === 'deadline' ? [fix] : []));
  assert.deepEqual(fixes, ['ACTIVITY_LOG_DEADLINE=1s in /etc/fluent-bit/activity-log.env']);
});

it('an interval that is not a number is not repeated as one', async (t) => {
  const machine = await installedMachine(t);
  await machine.edit(PIPELINE, [/^ +Interval_Sec .*$/m, '    Interval_Sec 300s']);
  assert.match((await machine.run()).stdout, /activity_log runs fetch-activity-logs\n/);
});
