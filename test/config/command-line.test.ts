import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCommandLine } from '../../src/config/command-line.ts';
import { ExitCode } from '../../src/lib/errors.ts';
import { VERSION } from '../../src/lib/version.ts';
import { runCommand } from '../helpers/run-command.ts';

it('-V and --version print one line, whatever else is given', async () => {
  for (const argv of [['--version'], ['-V'], ['export', '--from', '1d', '-V']]) {
    assert.deepEqual(await runCommand(argv), { exitCode: ExitCode.Done, stdout: `${VERSION}\n`, stderr: '' });
  }
});

describe('the command line', () => {
  const optionsOf = (...argv: string[]) => parseCommandLine(argv).options;

  it('runs collect when no command is named', () => {
    const { command, named } = parseCommandLine(['--since', '1h']);
    assert.deepEqual([command.name, named], ['collect', undefined]);
  });

  it('keeps every value as text: contract numbers exceed 2^53', () => {
    const contract = '9876543218374837483';
    assert.deepEqual(optionsOf('--contract', contract, '--contract=007'), { contract: [contract, '007'] });
  });

  it('knows the short forms', () => {
    assert.deepEqual(optionsOf('export', '--from', '1d', '-o', 'x.csv', '-f', 'csv'), {
      from: '1d',
      output: 'x.csv',
      format: 'csv',
    });
  });

  it('-v and -q set the log level, unless one is named', () => {
    assert.equal(optionsOf('-v')['log-level'], 'debug');
    assert.equal(optionsOf('status', '-q')['log-level'], 'warn');
    assert.equal(optionsOf('-v', '--log-level', 'error')['log-level'], 'error');
  });

  it('takes a switch that is repeated for one switch', () => {
    assert.equal(optionsOf('--peek', '--peek')['peek'], true);
  });

  it('does not take what follows a switch for its value', () => {
    for (const given of ['--peek', '--verbose', '-v', '-q']) {
      assert.equal(parseCommandLine([given, 'follow']).command.name, 'follow');
    }
  });

  it('takes - for a value of an option without one only', () => {
    assert.throws(() => optionsOf('export', '--from', '1d', '--output=a', '-'), /unexpected argument "-"/);
  });

  it('takes - for a value', () => {
    for (const output of [['-o', '-'], ['--output', '-'], ['--output=-']]) {
      assert.equal(optionsOf('export', '--from', '1d', ...output)['output'], '-');
    }
  });
});

describe('what is mistyped', () => {
  it('is a duration with a sign, such as --from -1h: it showed the help and exited with 0', () => {
    assert.throws(() => parseCommandLine(['verify', '--from', '-1h']), {
      message: 'unexpected "-1h": write a duration without a sign, such as 24h',
    });
  });

  const program = 'see fetch-activity-logs --help';
  const cases: [argv: string[], message: string][] = [
    [['exprot'], `unknown command "exprot"; did you mean export? (${program})`],
    [['exprt', '--from', '1d'], `unknown command "exprt"; did you mean export? (${program})`],
    [['collcet', 'more'], `unknown command "collcet"; did you mean collect? (${program})`],
    [['nonsense'], `unknown command "nonsense" (${program})`],
    [['help', 'exprot'], `unknown command "exprot"; did you mean export? (${program})`],
    [['status', 'contracts'], 'unexpected argument "contracts" (see fetch-activity-logs status --help)'],
    [['--state-fiel', 'x'], `unknown option --state-fiel; did you mean --state-file? (${program})`],
    [['--state-fiel=x'], `unknown option --state-fiel; did you mean --state-file? (${program})`],
    [['--token', 'x'], `unknown option --token; did you mean --token-file? (${program})`],
    [['--Provider', 'x'], `unknown option --Provider; did you mean --provider? (${program})`],
    [['check', '--jsno'], 'unknown option --jsno; did you mean --json? (see fetch-activity-logs check --help)'],
    [['export', '--form', '1h'], 'unknown option --form; did you mean --from? (see fetch-activity-logs export --help)'],
    [['follow', '--colour'], 'unknown option --colour (see fetch-activity-logs follow --help)'],
    [['--no-peek'], `unknown option --no-peek (${program})`],
    [['-x'], `unknown option -x (${program})`],
    [['-vx'], `unknown option -x (${program})`],
    [['--a.b'], `unknown option --a.b (${program})`],
    [['1e3'], `unknown command "1e3" (${program})`],
    [['-'], `unknown command "-" (${program})`],
    [['forget'], 'forget requires SOURCE (see fetch-activity-logs forget --help)'],
    [['completion'], 'completion requires SHELL (bash, zsh, fish) (see fetch-activity-logs completion --help)'],
    [['forget', 'ionos/1', 'ionos/2'], 'unexpected argument "ionos/2" (see fetch-activity-logs forget --help)'],
    [
      ['status', '--intervall', '1m'],
      'unknown option --intervall; did you mean --interval? (see fetch-activity-logs status --help)',
    ],
    [
      ['status', '--config', 'x'],
      '--config is an option of check, not of status (see fetch-activity-logs status --help)',
    ],
    [['status', '--since', '1d'], '--since is an option of collect, follow, not of status (see fetch-activity-logs status --help)'], // prettier-ignore
    [['export', '--from'], '--from needs a value'],
    [['export', '--from', '--to', '1d'], '--from needs a value'],
    [['--contract', '7', '--contract'], '--contract needs a value'],
    [['--peek=1'], '--peek: expected no value, got "1"'],
    [['--help=1'], '--help: expected no value, got "1"'],
  ];
  for (const [argv, message] of cases) {
    it(`is named: ${argv.join(' ')}`, async () => {
      const stderr = `fetch-activity-logs: error: ${message}\n`;
      assert.deepEqual(await runCommand(argv), { exitCode: ExitCode.Usage, stdout: '', stderr });
    });
  }
});
