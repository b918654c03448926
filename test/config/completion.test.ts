import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { complete } from '../../src/config/completion.ts';
import { COMMANDS } from '../../src/config/commands.ts';
import { ExitCode } from '../../src/lib/errors.ts';
import { builtFile } from '../helpers/built-file.ts';
import { runCommand } from '../helpers/run-command.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const offers = (...words: string[]) => complete(words).split('\n').slice(0, -1).map((line) => line.split('\t')[0] ?? ''); // prettier-ignore

describe('completing', () => {
  it('offers the commands, with what they do', () => {
    assert.deepEqual(offers(''), COMMANDS.map(({ name }) => name)); // prettier-ignore
    assert.deepEqual(offers('--provider', 'ionos', 'ex'), ['export']);
    assert.match(complete(['stat']), /^status\tShow how far /);
    assert.equal(complete(['--provider', 'c']), 'cloudscale\n');
    assert.equal(complete([]), complete(['']));
  });

  it('offers the options of the command, those of a poll when there is none', () => {
    assert.deepEqual(offers('export', '--form'), ['--format']);
    assert.deepEqual(offers('--pe'), ['--peek']);
    assert.ok(offers('check', '-').includes('--help'));
    assert.ok(!offers('export', '--').includes('--since'));
    assert.ok(offers('export', '').includes('--from'));
  });

  it('offers an option once, unless it can be repeated', () => {
    assert.deepEqual(offers('export', '-f', 'csv', '--form'), []);
    assert.deepEqual(offers('--contract', '7', '--contr'), ['--contract']);
  });

  const values: [words: string[], expected: string[]][] = [
    [
      ['--provider', ''],
      ['ionos', 'cloudscale'],
    ],
    [['--provider', 'c'], ['cloudscale']],
    [['export', '--format', 'c'], ['csv']],
    [
      ['export', '-f', ''],
      ['jsonl', 'csv'],
    ],
    [['export', '--format=c'], ['--format=csv']],
    [['export', '--format', '=', 'c'], ['csv']],
    [
      ['export', '--format', '='],
      ['jsonl', 'csv'],
    ],
    [['export', '--format', '=', 'csv', '--ou'], ['--output']],
    [['--log-level', 'd'], ['debug']],
    [['--add-fields', 'time,c'], ['time,contract']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['help', 'exp'], ['export']],
    [['--peek', 'stat'], ['status']],
    [['--token-file', 'x'], [':files']],
    [['export', '-o', ''], [':files']],
    [['--token-file=x'], [':files']],
    [['export', '--from', ''], []],
    [['export', '--format', 's'], []],
    [['tatus'], []],
    [['--state-file', 'export', 'sta'], ['status']],
    [['--state-file', '=', 'export', 'sta'], ['status']],
    [['--token-file=x', '--token-f'], []],
    [['export', '--format=csv', '--form'], []],
    [['-v', '--verb'], []],
    [['-h', '--hel'], []],
    [['--help', '-'], offers('-').filter((option) => option !== '--help')],
    [['--add-fields', 'time,contract,t'], []],
    [
      ['--add-fields', 'time,,'],
      ['time,,contract', 'time,,event_type', 'time,,source_service', 'time,,provider'],
    ],
    [['follow', 'sta'], []],
    [['--provider', 'ionos', 'export', '--form'], ['--format']],
    [['--from', '2026-01-31T12', ':', '00', ':', '00Z', 'ex'], ['export']],
    [['collect', 'x'], []],
  ];
  for (const [words, expected] of values) {
    it(`${words.join(' ')}| offers ${expected.join(', ') || 'nothing'}`, () => assert.deepEqual(offers(...words), expected)); // prettier-ignore
  }
});

describe('completion', () => {
  it('needs a shell that it knows', async () => {
    assert.deepEqual(await runCommand(['completion']), {
      exitCode: ExitCode.Usage,
      stdout: '',
      stderr:
        'fetch-activity-logs: error: completion requires SHELL (bash, zsh, fish) (see fetch-activity-logs completion --help)\n',
    });
    assert.match((await runCommand(['completion', 'fsh'])).stderr, /expected one of bash, zsh, fish, got "fsh"/); // prettier-ignore
  });

  /** The program where no PATH leads, with a file beside it. */
  async function place(t: TestContext) {
    const folder = await temporaryFolder(t);
    mkdirSync(join(folder, 'bin'));
    const program = join(folder, 'bin', 'fetch-activity-logs');
    symlinkSync(await builtFile(), program);
    writeFileSync(join(folder, 'my-token'), 'token');
    const script = (shell: string) => execFileSync(program, ['completion', shell], { encoding: 'utf8' });
    return { folder, program, script };
  }

  it('in bash, by the path of the program', { skip: missing('bash') }, async (t) => {
    const { folder, program, script } = await place(t);
    const inBash = (...words: string[]) =>
      execFileSync(
        'bash',
        [
          '--norc',
          '-c',
          `compopt() { echo files; }
          ${script('bash')}
          COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
          _fetch_activity_logs
          printf '%s\\n' "\${COMPREPLY[@]}"`,
          'bash',
          program,
          ...words,
        ],
        { cwd: folder, encoding: 'utf8' },
      ).trim();
    assert.equal(inBash('st'), 'status');
    assert.equal(inBash('export', '--format', '=', 'c'), 'csv');
    assert.equal(inBash('export', '--output', 'my'), 'files');
    // The words of a poll, of an export and of follow, each with a value that has no end: nothing runs, nothing is written.
    const before = readdirSync(folder);
    for (const words of [
      ['collect', '--since', '1d', '--state-file', 's.json', '--token-file', 'my-token'],
      ['export', '--from', '1d', '--output', 'y'],
      ['follow', '--peek', '--token-file', 'my-token'],
    ]) {
      // prettier-ignore
      assert.equal(inBash('--api-url', 'http', ':', '//127.0.0.1', ':', '1', ...words), 'files');
    }
    assert.deepEqual(readdirSync(folder), before);
  });

  it('in zsh, with its meanings', { skip: missing('zsh') }, async (t) => {
    const { folder, program, script } = await place(t);
    const inZsh = (...words: string[]) =>
      execFileSync(
        'zsh',
        [
          '-f',
          '-c',
          `compdef() { }
          compset() { }
          _files() { print files }
          _describe() { print -rl -- "\${(@P)2}" }
          ${script('zsh')}
          words=("$@") CURRENT=$#
          _fetch_activity_logs`,
          'zsh',
          program,
          ...words,
        ],
        { cwd: folder, encoding: 'utf8' },
      ).trim();
    assert.match(inZsh('sta'), /^status:Show how far /);
    assert.equal(inZsh('export', '--format', 'c'), 'csv');
    assert.equal(inZsh('export', '--format=c'), '--format=csv');
    assert.equal(inZsh('--token-file', 'my'), 'files');
  });

  it('in fish, with its meanings', { skip: missing('fish') }, async (t) => {
    const { folder, program, script } = await place(t);
    const inFish = (line: string) =>
      execFileSync(
        'fish',
        ['--no-config', '-c', `${script('fish')}\ncomplete -C ${JSON.stringify(`${program} ${line}`)}`],
        {
          cwd: folder,
          encoding: 'utf8',
        },
      ).trim();
    assert.match(inFish('sta'), /^status\tShow how far /);
    assert.equal(inFish('export --format=c'), '--format=csv');
    assert.equal(inFish('--token-file my'), 'my-token');
    assert.equal(inFish('--token-file=my'), '--token-file=my-token');
  });
});

/** One line for the report when this shell is not installed. */
function missing(shell: string): string | false {
  return spawnSync(shell, ['-c', 'exit']).error === undefined ? false : `${shell} is not installed`;
}
