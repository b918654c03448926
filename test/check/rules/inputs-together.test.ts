import assert from 'node:assert/strict';
import { it } from 'node:test';
import { pythonInputsOf } from '../../../src/check/facts/input.ts';
import { checkAbsence, checkTogether } from '../../../src/check/rules/inputs-together.ts';
import { CALL, checkedInput, faultsIn, sectionOf } from '../../helpers/checked-input.ts';
import { configOf } from '../../helpers/fluent-bit-config.ts';

const PYTHON = pythonInputsOf(
  configOf([sectionOf('input', { name: 'exec', command: 'python3 /srv/fetch_activity_logs.py' })]),
);

it('inputs of one state disturb each other, and none is said to disturb itself', async () => {
  const [one, two, three, own, refused] = await Promise.all([
    checkedInput({ input: { alias: 'one' } }),
    checkedInput({ input: { alias: 'two' } }),
    checkedInput({ input: { alias: 'three', command: `${CALL} --state-file /srv/state` } }),
    checkedInput({ input: { alias: 'own', command: `${CALL} --state-file /srv/own.json` } }),
    checkedInput({ input: { alias: 'refused', command: `${CALL} --nonsense` } }),
  ]);
  assert.deepEqual(checkTogether([one, own, three, refused], []), []);
  const state = '/var/lib/fluent-bit/activity_log_state.json';
  const found = checkTogether([one, own, two, one, three, three], []);
  assert.deepEqual(faultsIn(found), [
    `error state-shared: two uses the state file of one, ${state}`,
    `error state-shared: one uses the state file of one, ${state}`,
    'error state-shared: three uses the state file of three, /srv/state',
  ]);
  assert.deepEqual(
    found.map(({ fix }) => fix),
    [state, state, '/srv/state.json'].map((file) => `Command … --state-file ${file.replace('.json', '_2.json')}`),
  );
});

it("the tutorial's fetcher disturbs an input of ours; alone, it is the wrong program", async () => {
  const input = await checkedInput();
  assert.deepEqual(checkTogether([], PYTHON), []);
  assert.deepEqual(faultsIn(checkTogether([input], PYTHON)), ['error python: the Python fetcher is still running as well']); // prettier-ignore
  const [{ level, code, line, fix }] = checkAbsence(PYTHON, input.fluentBit);
  assert.deepEqual([level, code, line, fix], ['error', 'input', 2, `Command ${CALL}`]);
});

it('a configuration without an input of ours is to include ours, or in YAML to have its command', async () => {
  for (const [format, fix] of [
    ['classic', '@INCLUDE activity-log.conf'],
    ['yaml', `command: ${CALL}`],
  ] as const) {
    const { fluentBit } = await checkedInput({ format, service: { http_port: undefined } });
    assert.deepEqual(checkAbsence([], fluentBit)[0], {
      level: 'error',
      code: 'input',
      message: 'no exec input runs fetch-activity-logs',
      file: 'main.conf',
      impact: 'nothing is collected',
      fix,
    });
  }
});
