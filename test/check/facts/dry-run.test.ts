import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { thisMachine, type Machine, type Result } from '../../../src/check/facts/machine.ts';
import { MAIN, PARSERS, PIPELINE, installedMachine, type CheckedMachine } from '../../helpers/checked-machine.ts';

/** What check says in these tests, word by word. */
const GOLDEN = 'check/dry-run.txt';

const TIME = '[2026/11/26 09:42:21.851]';
/** A machine whose Fluent Bit answers like this; systemd answers as ever. */
const answering = ({ machine }: CheckedMachine, result: Result | undefined): Partial<Machine> => ({
  run: (command, args, env) => (command === 'systemctl' ? machine.run(command, args, env) : Promise.resolve(result)),
});
const refusal = (...lines: string[]): Result => ({
  exitCode: 1,
  stdout: '',
  output: ['Fluent Bit v9', ...lines].join('\n'),
});
const ACCEPTED: Result = { exitCode: 0, stdout: '', output: '' };

describe('check asks the installed Fluent Bit', { concurrency: 4 }, () => {
  it('and quotes it, also what a version says that nobody knows yet', async (t) => {
    const machine = await installedMachine(t);
    const found = await machine.told(
      GOLDEN,
      [],
      {},
      answering(machine, refusal(`${TIME} [error] [config] something new.`)),
    );
    assert.deepEqual(
      found.map(({ code, message, file, command }) => ({ code, message, file, command })),
      [
        {
          code: 'config-refused',
          message: 'Fluent Bit says "something new"',
          file: MAIN,
          command: `/opt/fluent-bit/bin/fluent-bit -c ${MAIN} --dry-run`,
        },
      ],
    );
  });

  const places: [string, string, RegExp][] = [
    ['a plugin that there is not', "[error] [config] section 'exec' tried to instance a plugin name that doesn't exist", /^\[INPUT\]$/],
    ['YAML that is none', '[error] [config] YAML error found in file "activity-log.conf", line 3, column 1: x', /./],
  ]; // prettier-ignore
  for (const [name, line, expected] of places) {
    it(`and finds the place of ${name}`, async (t) => {
      const machine = await installedMachine(t);
      const [finding, ...others] = await machine.told(GOLDEN, [], {}, answering(machine, refusal(`${TIME} ${line}`)));
      assert.deepEqual([finding?.file, others], [PIPELINE, []]);
      assert.ok(finding?.line !== undefined, String(expected));
    });
  }

  it('and shows the place of the first of several errors', async (t) => {
    const machine = await installedMachine(t);
    const said = refusal(
      `${TIME} [error] [parser] parser named 'activity_log' already exists, skip.`,
      `${TIME} [error] [config] http.0: unknown configuration property 'uri'.`,
    );
    const [finding, ...others] = await machine.faults([], {}, answering(machine, said));
    assert.deepEqual([finding?.code, finding?.file, others], ['config-refused', PARSERS, []]);
  });

  it('which knows better what it can read', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(MAIN, [/$/, '\n@INCLUDE none.conf\n']);
    const found = await machine.told(GOLDEN, [], {}, answering(machine, ACCEPTED));
    assert.deepEqual(found.map(({ level, code, file }) => [level, code, file]), [['warning', 'config-unread', MAIN]]); // prettier-ignore
  });

  it('and says so where there is none, and what it finds by itself', async (t) => {
    const machine = await installedMachine(t);
    await machine.remove('/opt/fluent-bit/bin');
    assert.match(
      (await machine.run([], {}, answering(machine, undefined))).stdout,
      /✓ .*: 4 files read, not tried with Fluent Bit itself\n/,
    );
    await machine.edit(MAIN, [/$/, '\n@INCLUDE none.conf\n']);
    const found = await machine.told(GOLDEN, [], {}, answering(machine, undefined));
    assert.deepEqual(found.map(({ level, code }) => `${level} ${code}`), ['error config-include-missing']); // prettier-ignore
  });

  it('with an empty value, whose variable it names', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(PIPELINE, [/Threaded .*/, 'Threaded ${NOT_SET}']);
    const messages = (await machine.told(GOLDEN)).map(({ message }) => message);
    assert.ok(messages.some((message) => message.endsWith(" (it is empty: ${NOT_SET} is not set)")), messages.join('\n')); // prettier-ignore
  });
});

describe('a program of this machine', () => {
  const { run } = thisMachine();

  it('is run, and what it says is kept', async () => {
    const result = await run('sh', ['-c', 'echo "$A"; echo b >&2; exit 3'], { ...process.env, A: 'a' });
    assert.deepEqual(result, { exitCode: 3, stdout: 'a\n', output: 'a\n\nb\n' });
  });

  it('may not be there', async () => assert.equal(await run('no-such-program', [], process.env), undefined));
});
