import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { ExitCode } from '../../src/lib/errors.ts';
import { closest } from '../../src/lib/suggestion.ts';
import { VERSION } from '../../src/lib/version.ts';
import { assertGolden } from '../helpers/golden.ts';
import { runCommand } from '../helpers/run-command.ts';

const COMMANDS = ['collect', 'follow', 'export', 'status', 'check'];

describe('--help', () => {
  for (const command of ['', ...COMMANDS]) {
    it(`explains ${command === '' ? 'the program' : command}`, async () => {
      const { exitCode, stdout, stderr } = await runCommand(command === '' ? ['--help'] : [command, '--help']);
      assert.deepEqual([exitCode, stderr], [ExitCode.Done, '']);
      assertGolden(`help/${command === '' ? 'program' : command}.txt`, stdout);
    });
  }

  it('is the same with -h, wherever it stands', async () => {
    const { stdout } = await runCommand(['export', '--help']);
    assert.deepEqual(await runCommand(['--page-size', '5', 'export', '-h']), { exitCode: 0, stdout, stderr: '' });
  });
});

it('--version is one line', async () => {
  const result = await runCommand(['--version']);
  assert.deepEqual(result, { exitCode: ExitCode.Done, stdout: `${VERSION}\n`, stderr: '' });
});

describe('completion', () => {
  const built = (...argv: string[]) =>
    execFileSync(process.execPath, ['dist/fetch-activity-logs.js', ...argv], { encoding: 'utf8' });

  it('is a script for the shell', () => {
    assert.match(built('completion'), /^complete .* fetch-activity-logs$/m);
  });

  it('knows the commands, and the options of each', () => {
    const names = (...words: string[]) => built('--get-yargs-completions', 'fetch-activity-logs', ...words).split('\n');
    assert.deepEqual(COMMANDS.filter((command) => !names('ex').includes(command)), []); // prettier-ignore
    const options = names('export', '--fo');
    assert.ok(options.includes('--format') && options.includes('--from') && !options.includes('--since'));
  });
});

describe('what is mistyped', () => {
  const cases: [argv: string[], message: string][] = [
    [['exprot'], '"exprot" is not understood; did you mean export?'],
    [['collcet', 'more'], '"collcet" is not understood; did you mean collect?'],
    [['status', 'contracts'], '"contracts" is not understood'],
    [['--state-fiel', 'x'], 'there is no option --state-fiel; did you mean --state-file?'],
    [['--state-fiel=x'], 'there is no option --state-fiel; did you mean --state-file?'],
    [['--token', 'x'], 'there is no option --token; did you mean --token-file?'],
    [['--Provider', 'x'], 'there is no option --Provider; did you mean --provider?'],
    [['check', '--jsno'], 'there is no option --jsno; did you mean --json?'],
    [['export', '--form', '1h'], 'there is no option --form; did you mean --from?'],
    [['follow', '--colour'], 'there is no option --colour'],
    [['-x'], 'there is no option -x'],
    [['status', '--config', 'x'], '--config is an option of check'],
  ];
  for (const [argv, message] of cases) {
    it(`is told: ${argv.join(' ')}`, async () => {
      const stderr = `fetch-activity-logs: error: ${message} (fetch-activity-logs --help lists all)\n`;
      assert.deepEqual(await runCommand(argv), { exitCode: ExitCode.Usage, stdout: '', stderr });
    });
  }

  it('is a value that is missing, or one too many', async () => {
    assert.match((await runCommand(['export', '--from'])).stderr, /error: --from needs a value\n$/);
    assert.match((await runCommand(['--peek=1'])).stderr, /error: --peek: expected no value, got "1"\n$/);
    assert.match((await runCommand(['export'])).stderr, /error: export needs a beginning, such as --from 24h/);
  });
});

describe('closest', () => {
  const cases: [word: string, meant: string | undefined][] = [
    ['fro', 'from'],
    ['f', undefined],
    ['rfom', 'from'],
    ['form', 'from'],
    ['formt', 'format'],
    ['outptu', 'output'],
    ['', undefined],
    ['everything', undefined],
  ];
  for (const [word, meant] of cases) {
    it(`to "${word}" is ${meant ?? 'nothing'}`, () => {
      assert.equal(closest(word, ['from', 'to', 'format', 'output']), meant);
    });
  }
});
