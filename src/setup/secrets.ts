import { readFileSync, statSync } from 'node:fs';
import { isatty } from 'node:tty';
import { codeOf, ConfigError, ExitCode } from '../lib/errors.ts';
import { flawOf } from './values.ts';

const OTHERS = 0o077;
const STDIN = 0;

/** The secret in a file, or on standard input for `-`, without surrounding white space and `Bearer`. */
export function readSecret(kind: 'token' | 'key', file: string, option: string, stdin = STDIN): string {
  const text = file === '-' ? readInput(stdin, option) : readPrivate(file, option);
  const secret = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
    .replace(/^bearer /i, '');
  const flaw = flawOf(kind, secret);
  if (flaw !== undefined) throw new ConfigError(`${option}: ${flaw}`, ExitCode.NothingCollected);
  return secret;
}

function readInput(descriptor: number, option: string): string {
  if (!isatty(descriptor)) return readFileSync(descriptor, 'utf8');
  throw new ConfigError(
    `${option} -: standard input is a terminal, which would show the secret: use a file or a pipe`,
    ExitCode.NothingCollected,
  );
}

function readPrivate(file: string, option: string): string {
  try {
    if ((statSync(file).mode & OTHERS) !== 0) {
      throw new ConfigError(`${option}: others can read ${file}: chmod 600 it first`, ExitCode.NothingCollected);
    }
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const flaw = codeOf(error) === 'ENOENT' ? 'there is no' : 'cannot read';
    throw new ConfigError(`${option}: ${flaw} ${file}`, ExitCode.NothingCollected);
  }
}
