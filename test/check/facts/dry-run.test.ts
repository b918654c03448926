import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dryRun, placeOf } from '../../../src/check/facts/dry-run.ts';
import type { Environment } from '../../../src/check/facts/environment.ts';
import { thisMachine, type Machine, type Result } from '../../../src/check/facts/machine.ts';
import type { FluentBitConfig, Section } from '../../../src/check/fluent-bit-config/model.ts';
import { MAIN, PARSERS, PIPELINE, installedMachine, type CheckedMachine } from '../../helpers/checked-machine.ts';
import { configOf } from '../../helpers/fluent-bit-config.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

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

describe('what Fluent Bit says of a configuration', () => {
  const environment: Environment = { variables: { A: '1' }, service: undefined, isKnown: true, hint: () => '' };
  const said = async (...lines: readonly string[]): Promise<string | undefined> => {
    const machine = { ...thisMachine(), run: () => Promise.resolve(refusal(...lines)) };
    return (await dryRun(configOf([]), environment, machine))?.message;
  };

  for (const [lines, message] of [
    [['', '* Copyright', '_____ | |', '/ \\', `${TIME} [error] [config] a b`], 'a b'],
    [[`${TIME} [error] [parser] a.`, `${TIME} [error] b`, `${TIME} [error] b`], 'a; b'],
    [[`${TIME} [error] [/src/x.c:458 errno=2] No such file`], 'No such file'],
    [[`${TIME} [error] [output:http:http.0] a`], '[output:http:http.0] a'],
    [[`${TIME} [error] a, skip.`], 'a'],
    [[`${TIME} [error] a. Then b`], 'a. Then b'],
    [[`${TIME} [ warn] a`, `${TIME} [error] b`, `${TIME} [ info] c`, `${TIME} [ help] d`], 'b'],
    [[`${TIME} [ warn] a`, `${TIME} [ warn] b`, `${TIME} [ info] c`], 'a; b'],
    [['  words without a time  '], 'words without a time'],
    [[`${TIME} [error] `], `${TIME} [error]`],
    [[`${TIME} [error] a`, `${TIME} [error] configuration file contains errors, aborting.`], 'a'],
    [[`${TIME} [error] a`, `${TIME} [error] [reload] check properties for input plugins is failed`], 'a'],
    [[`${TIME} [error] a`, `${TIME} [error] yaml error`, `${TIME} [error] my yaml error`], 'a; my yaml error'],
    [[`${TIME} [error] a`, `${TIME} [error] could not configure service property x`], 'a'],
  ] as const) {
    it(`is in short ${JSON.stringify(message)}: ${lines.length} lines`, async () => {
      assert.equal(await said(...lines), message);
    });
  }

  it('is asked with its environment, and not where that is not known', async (t) => {
    const root = await temporaryFolder(t);
    const asked: unknown[] = [];
    const run: Machine['run'] = (...call) => {
      asked.push(call);
      return Promise.resolve(ACCEPTED);
    };
    const machine = { ...thisMachine(), root, run };
    const accepted = { isAccepted: true, message: '', command: 'fluent-bit -c main.conf --dry-run' };
    assert.deepEqual(await dryRun(configOf([]), environment, machine), accepted);
    assert.deepEqual(asked, [['fluent-bit', ['-c', `${root}/main.conf`, '--dry-run'], { A: '1' }]]);
    assert.equal(await dryRun(configOf([]), { ...environment, isKnown: false }, machine), undefined);
    assert.equal(asked.length, 1);
  });
});

describe('the place that Fluent Bit means', () => {
  const AT = (line: number, file = '/etc/a.conf') => ({ file, line });
  const section = (kind: Section['kind'], line: number, ...pairs: readonly (readonly [string, string])[]): Section => ({
    kind,
    at: AT(line),
    entries: pairs.map(([key, value], index) => ({ key, value, raw: value, at: AT(line + index + 1) })),
  });
  const config: FluentBitConfig = {
    ...configOf([
      section('service', 1, ['parsers_file', 'p.conf']),
      section('input', 10, ['name', 'exec'], ['tag', 'x'], ['tag', '']),
      section('input', 20, ['tag', 'x']),
      section('output', 30, ['name', 'Http'], ['uri', '/a'], ['uri', '/b']),
      section('output', 40, ['name', 'my-plugin'], ['uri', '/c']),
      section('output', 50, ['name', 'my-plugin']),
    ]),
    files: ['/etc/fluent-bit/main.conf', '/etc/a.conf'],
    parsers: [
      { ...section('parser', 3, ['name', 'one']), at: AT(3, '/etc/p.conf') },
      { ...section('parser', 60, ['name', 'one']), at: AT(60, '/etc/a.conf') },
    ],
  };

  for (const [message, line, file] of [
    ['error in a.conf:7: x', 7],
    ['error in /etc/a.conf:7: x', 7],
    ['file "a.conf", line 7, column 1', 7],
    ['somewhere at main.conf:12', 12, '/etc/fluent-bit/main.conf'],
    ['error in b.conf:7: x', undefined],
    ['error in x/a.conf:7: x', undefined],
    ["http.0: unknown configuration property 'uri'. x", 33],
    ["http: unknown configuration property 'uri'", 33],
    ["my-plugin.12: configuration property 'uri' is set 2 times", 42],
    ["exec: unknown configuration property 'tag'", 13],
    ["http: unknown configuration property 'none'", undefined],
    ["parser named 'one' already exists", 60],
    ["no parser 'format' found for 'one' in file", 60],
    ["parser named 'two' already exists", undefined],
    ["Sections 'multiline_parser' and 'parser' are not valid in the main configuration file", 60],
    ["section 'input' is missing the 'name' property", 20],
    ["section 'filter' is missing the 'name' property", undefined],
    ["section 'my-plugin' tried to instance a plugin name that doesn't exist", 40],
    ["section 'other' tried to instance a plugin name that doesn't exist", undefined],
    ['something else', undefined],
  ] as const) {
    it(`is ${line === undefined ? 'not known' : `line ${line}`} of ${message}`, () => {
      assert.deepEqual(placeOf(message, config), line === undefined ? undefined : AT(line, file));
    });
  }
});

describe('a program of this machine', () => {
  const { run } = thisMachine();

  it('is run, and what it says is kept', async () => {
    const result = await run('sh', ['-c', 'echo "$A"; echo b >&2; exit 3'], { ...process.env, A: 'a' });
    assert.deepEqual(result, { exitCode: 3, stdout: 'a\n', output: 'a\n\nb\n' });
  });

  it('may not be there', async () => assert.equal(await run('no-such-program', [], process.env), undefined));
});
