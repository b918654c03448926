import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkCommand } from '../../../src/check/rules/command.ts';
import { CALL, checkedInput, faultsIn } from '../../helpers/checked-input.ts';

const SCRIPT = '/opt/fluent-bit/scripts/fetch-activity-logs';
const EXEC = 'warning command-exec: without exec, a shell runs between Fluent Bit and the script';
const SHELL = 'warning command-shell: Command also starts other programs';

describe('the command of an input', () => {
  for (const [command, found] of [
    [CALL, []],
    [`A=1 ${CALL}`, []],
    [SCRIPT, [EXEC]],
    [`${SCRIPT} | cat`, [SHELL]],
    [`${CALL} | cat`, [SHELL]],
    [`${CALL} status`, ['error command-name: "status" is not a command for an input']],
    [`${CALL} --peek`, ['error command-peek: --peek does not keep a state']],
    [`${CALL} follow --peek`, ['error command-name: "follow" is not a command for an input', 'error command-peek: --peek does not keep a state']],
    [
      `${SCRIPT} export --peek`,
      [
        'error command-options: its options are invalid: --peek is an option of collect, follow, not of export (see fetch-activity-logs export --help)',
        EXEC,
      ],
    ],
    [`${CALL} --version`, ['error command-options: its options are invalid: the command only prints help or the version']],
  ] as const) {
    it(`is looked at as a whole: ${command}`, async () => {
      const findings = checkCommand(await checkedInput({ input: { command } }));
      assert.deepEqual(faultsIn(findings), found);
      for (const finding of findings) assert.deepEqual([finding.file, finding.line], ['main.conf', 4]);
    });
  } // prettier-ignore

  for (const [interval, often] of [
    ['300', ' every 300 s'],
    ['9', ' every 9 s'],
    ['0', ''],
    ['5m', ''],
    ['x5', ''],
    [undefined, ''],
  ] as const) {
    it(`runs${often || ', nobody knows how often,'} with an Interval_Sec ${interval ?? 'that is not set'}`, async () => {
      const [finding] = checkCommand(await checkedInput({ input: { interval_sec: interval } }));
      assert.equal(finding?.message, `activity_log runs fetch-activity-logs${often}`);
    });
  }

  for (const [command, fix] of [
    [`${SCRIPT} --ack-url http://127.0.0.1:2020 --ack-input activity_log`, CALL],
    [SCRIPT, CALL],
    [`${CALL.replace('exec ', '')} --quiet`, `${CALL} --quiet`],
    ...['follow', 'export', 'status', 'check', 'completion', '--peek', '--help', '-h', '--version'].map(
      (word) => [`${CALL.replace('exec ', '')} ${word}`, CALL] as const,
    ),
    [`env A=1 IONOS_TOKEN=x node ${CALL.replace('exec ', '')}`, `A=1 ${CALL.replace('exec', 'exec node')}`],
    [CALL.replace('exec ', '').replace('activity_log', '${NAME}'), CALL.replace('activity_log', '${NAME}')],
    [`${CALL.replace('exec ', '')} --add-fields 'a b'`, `${CALL} --add-fields 'a b'`],
  ] as const) {
    it(`may be cured by check: ${command}`, async () => {
      const fixes = checkCommand(await checkedInput({ input: { command } })).flatMap((finding) => finding.fix ?? []);
      assert.deepEqual(new Set(fixes), new Set([`Command ${fix}`]));
    });
  } // prettier-ignore
});
