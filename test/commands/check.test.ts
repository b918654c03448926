import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { ExitCode } from '../../src/lib/errors.ts';
import { MAIN, installedMachine } from '../helpers/checked-machine.ts';
import { runCommand } from '../helpers/run-command.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

describe('check', () => {
  it('has colours on a terminal only, and not where nobody wants them', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(MAIN, [/$/, '\n[FILTER]\n    Name grep\n    Match *\n']);
    machine.fluentBit.picture = undefined;
    const plain = (await machine.run()).stdout;
    const onTerminal = await machine.run([], {}, {}, true);
    assert.equal(stripVTControlCharacters(onTerminal.stdout), plain);
    for (const symbol of ['\u001b[32m✓\u001b[0m ', '\u001b[33m!\u001b[0m ', '\u001b[31m✗\u001b[0m ']) {
      assert.ok(onTerminal.stdout.includes(symbol), symbol);
    }
    assert.equal((await machine.run([], { env: { NO_COLOR: '1' } }, {}, true)).stdout, plain);
    assert.equal((await machine.run([], { env: { TERM: 'dumb' } }, {}, true)).stdout, plain);
    assert.ok(!(await machine.run(['--json'], {}, {}, true)).stdout.includes('\u001b'));
  });

  it('leaves out what is in order with --quiet', async (t) => {
    const machine = await installedMachine(t);
    assert.equal((await machine.run(['--quiet'])).stdout, '');
    assert.deepEqual(JSON.parse((await machine.run(['-q', '--json'])).stdout), {
      errors: 0,
      warnings: 0,
      findings: [],
    });
    await machine.edit(MAIN, [/$/, '\n@INCLUDE nowhere.conf\n']);
    const { exitCode, stdout } = await machine.run(['--quiet']);
    assert.equal(exitCode, ExitCode.NothingCollected);
    assert.match(stdout, /@INCLUDE 'nowhere\.conf' does not exist/);
    assert.doesNotMatch(stdout, /^✓/m);
  });

  it('lets nothing through to the terminal that is no text', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(MAIN, [/$/, '\n@INCLUDE \u001b]0;title\u0007.conf\n']);
    assert.match((await machine.run()).stdout, /@INCLUDE '\\u001b]0;title\\u0007\.conf' does not exist/);
  });

  it('is a command with its own options', async (t) => {
    const file = join(await temporaryFolder(t), 'main.conf');
    await writeFile(file, '[INPUT]\n    Name exec\n    Command exec fetch-activity-logs\n');
    const options = ['--config', file, '--api-url', 'http://127.0.0.1:9', '--state-file', `${file}.state`];
    const { exitCode, stdout, stderr } = await runCommand(['check', '--json', ...options]);
    assert.deepEqual([exitCode, stderr], [ExitCode.NothingCollected, '']);
    const { errors, findings } = JSON.parse(stdout) as { errors: number; findings: { code: string; file?: string }[] };
    assert.ok(findings.some(({ code, file: at }) => code === 'buf-size' && at === file));
    assert.ok(errors > 5);
  });

  it('refuses an option that it does not know', async () => {
    const { exitCode, stderr } = await runCommand(['check', '--configuration', 'x']);
    assert.equal(exitCode, ExitCode.Usage);
    assert.match(stderr, /unknown option --configuration /);
  });
});
