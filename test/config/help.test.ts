import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { COMMANDS } from '../../src/config/commands.ts';
import { renderHelp } from '../../src/config/help.ts';
import { GROUPS } from '../../src/config/options.ts';
import { builtFile } from '../helpers/built-file.ts';
import { assertGolden } from '../helpers/golden.ts';
import { runCommand } from '../helpers/run-command.ts';

/** What the built file prints into a pipe, whose width is unknown. */
async function built(...argv: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [await builtFile(), ...argv]);
  return stdout;
}

describe('--help', () => {
  for (const name of ['', ...COMMANDS.map((command) => command.name)]) {
    it(`of the built file explains ${name === '' ? 'the program' : name}`, async () => {
      const golden = `help/${name === '' ? 'program' : name}.txt`;
      const command = COMMANDS.find((one) => one.name === name);
      assertGolden(golden, renderHelp(command, 80));
      assertGolden(golden, await built(...(name === '' ? [] : [name]), '--help'));
    });
  }

  it('is the same with -h, with help, and wherever it is', async () => {
    const expected = {
      exitCode: 0,
      stdout: renderHelp(
        COMMANDS.find(({ name }) => name === 'export'),
        80,
      ),
      stderr: '',
    };
    assert.deepEqual(await runCommand(['export', '--help']), expected);
    assert.deepEqual(await runCommand(['--page-size', '5', 'export', '-h']), expected);
    assert.deepEqual(await runCommand(['help', 'export']), expected);
    assert.equal((await runCommand(['help'])).stdout, renderHelp(undefined, 80));
  });

  for (const columns of [30, 60, 80, 100, 250]) {
    it(`fits a terminal of ${columns} columns, no word cut`, () => {
      for (const command of [undefined, ...COMMANDS]) {
        const help = renderHelp(command, columns);
        const words = new Set(renderHelp(command, 100).split(/\s+/));
        assert.deepEqual(help.split(/\s+/).filter((word) => !words.has(word)), []); // prettier-ignore
        // A call is there to be copied, and a path cannot be broken.
        const isWhole = (line: string) =>
          /^ {2}(?:sudo |source <\()?fetch-activity-logs /.test(line) || !line.trim().includes(' ');
        const long = help.split('\n').filter((line) => line.length > Math.max(40, columns) && !isWhole(line));
        assert.deepEqual(long, []);
        assert.ok(help.split('\n').every((line) => line.length <= 100));
      }
    });
  }

  it('has descriptions beside the options from 60 columns on, and below them where it is narrower', () => {
    const lineOf = (columns: number) => renderHelp(undefined, columns).split('\n').find((line) => line.includes('--help')); // prettier-ignore
    assert.match(lineOf(60) ?? '', /--help {2,}\S/);
    assert.match(lineOf(59) ?? '', /--help$/);
    assert.match(renderHelp(undefined, 59), /--help\n {8}\S/);
  });

  it('has the groups in one order everywhere', () => {
    const all = [...GROUPS, 'General', 'Examples'];
    for (const command of COMMANDS) {
      const lines = renderHelp(command, 80).split('\n');
      const order = all.filter((group) => lines.includes(`${group}:`));
      const places = order.map((group) => lines.indexOf(`${group}:`));
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
      );
      assert.equal(order.at(-1), 'Examples');
    }
  });

  it('marks what is required', () => {
    const help = renderHelp(COMMANDS.find(({ name }) => name === 'export'), 100); // prettier-ignore
    assert.match(help, /^Usage: fetch-activity-logs export --from T \[options\]$/m);
    assert.match(help, /--from T .*\(required\)$/m);
  });
});
