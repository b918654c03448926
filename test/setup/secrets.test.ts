import assert from 'node:assert/strict';
import { chmodSync, closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ConfigError, ExitCode } from '../../src/lib/errors.ts';
import { readSecret } from '../../src/setup/secrets.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const OPTION = '--token-file';

describe('a secret that install.sh is given', () => {
  for (const [text, secret, what] of [
    ['abc', 'abc', 'with no line break'],
    ['\n  abc \r\n\n', 'abc', 'among blanks and empty lines'],
    ['bearer abc\n', 'abc', 'copied with its scheme'],
    ['BEARER Bearer', 'Bearer', 'that looks like a scheme'],
    ['x-bearer-y', 'x-bearer-y', 'with the scheme somewhere inside'],
  ] as const) {
    it(`is read from a file: ${what}`, async (t) => {
      const file = join(await temporaryFolder(t), 'secret');
      writeFileSync(file, text, { mode: 0o600 });
      assert.equal(readSecret('token', file, OPTION), secret);
    });
  }

  it('is read from standard input, which is no file that others could read', async (t) => {
    const file = join(await temporaryFolder(t), 'input');
    writeFileSync(file, 'abc\n', { mode: 0o644 });
    const input = openSync(file, 'r');
    t.after(() => closeSync(input));
    assert.equal(readSecret('key', '-', '--api-key-file', input), 'abc');
  });

  it('is not asked for on a terminal, which would show it', (t) => {
    const terminal = openSync('/dev/ptmx', 'r+');
    t.after(() => closeSync(terminal));
    const message = `${OPTION} -: standard input is a terminal, which would show the secret: use a file or a pipe`;
    assert.throws(
      () => readSecret('token', '-', OPTION, terminal),
      new ConfigError(message, ExitCode.NothingCollected),
    );
  });

  for (const mode of [0o640, 0o620, 0o604, 0o601]) {
    it(`is refused in a file of mode ${mode.toString(8)}`, async (t) => {
      const file = join(await temporaryFolder(t), 'secret');
      writeFileSync(file, 'abc');
      chmodSync(file, mode);
      const message = `${OPTION}: others can read ${file}: chmod 600 it first`;
      assert.throws(() => readSecret('token', file, OPTION), new ConfigError(message, ExitCode.NothingCollected));
    });
  }

  it('is refused where there is none, or it is not one alone', async (t) => {
    const folder = await temporaryFolder(t);
    const inside = join(folder, 'inside');
    mkdirSync(inside, { mode: 0o700 });
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
      return join(folder, name);
    };
    for (const [file, flaw] of [
      [join(folder, 'nowhere'), `there is no ${folder}/nowhere`],
      [inside, `cannot read ${inside}`],
      [write('empty', ' \n\n'), 'it is empty'],
      [
        write('two', 'abc\ndef\n'),
        'not one key alone: it contains spaces, line breaks or other characters that no key has',
      ],
      [
        write('within', 'abcBearer def\n'),
        'not one key alone: it contains spaces, line breaks or other characters that no key has',
      ],
      [write('quoted', '"abc"\n'), 'a key has no quotes or backslashes'],
    ] as const) {
      const expected = new ConfigError(`--api-key-file: ${flaw}`, ExitCode.NothingCollected);
      assert.throws(() => readSecret('key', file, '--api-key-file'), expected);
    }
  });
});
