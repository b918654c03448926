import { join } from 'node:path';
import { localFiles } from '../check/fluent-bit-config/read.ts';
import { pathOn, type Machine } from '../check/facts/machine.ts';
import { ConfigError, ExitCode } from '../lib/errors.ts';
import { envValue, withEnv } from './env-text.ts';
import { ENV_FILE, TOKEN_FILE } from './paths.ts';
import { findTokenVariable } from './token-variable.ts';
import { flawOf } from './values.ts';

const TOKEN_FILE_VARIABLE = 'ACTIVITY_LOG_TOKEN_FILE';

/** What becomes of the token. */
interface TokenPlan {
  readonly env: string;
  readonly value: string | undefined;
  readonly in: string;
  readonly wanted: string;
  readonly warnings: readonly string[];
}

/**
 * A token that the service has in a variable is copied into the file, so that it can be deleted from where every local
 * user can read it. A password cannot: there activity-log.env makes the file's name empty, since a file goes first.
 */
export function planToken(
  token: string | undefined,
  usesCredentials: boolean,
  env: string,
  machine: Machine,
): TokenPlan {
  const isNamed = new RegExp(`^${TOKEN_FILE_VARIABLE}=`, 'm').test(env);
  const named = isNamed ? envValue(env, TOKEN_FILE_VARIABLE) : TOKEN_FILE;
  const variable = findTokenVariable(envValue(env, 'ACTIVITY_LOG_PROVIDER') || 'ionos', ENV_FILE, machine);
  const holds = (file: string): boolean => {
    const path = pathOn(machine, join('/', file));
    return file !== '' && localFiles.isFile(path) && localFiles.read(path) !== '';
  };
  const copied =
    variable?.isToken === true && flawOf('token', variable.value) === undefined ? variable.value : undefined;
  const value = token ?? (holds(named) || holds(TOKEN_FILE) ? undefined : copied);
  const where =
    value !== undefined
      ? TOKEN_FILE
      : holds(named)
        ? named
        : variable !== undefined && !variable.isToken
          ? 'variable'
          : holds(TOKEN_FILE)
            ? TOKEN_FILE
            : '';
  if (usesCredentials && where !== '' && where !== TOKEN_FILE) {
    throw new ConfigError(
      `--credentials takes the token from ${TOKEN_FILE}: give it as --token-file`,
      ExitCode.NothingCollected,
    );
  }
  const wanted = where === 'variable' ? '' : where === '' ? named || TOKEN_FILE : where;
  return {
    env: wanted === named ? env : withEnv(env, TOKEN_FILE_VARIABLE, wanted),
    value,
    in: where,
    wanted,
    warnings:
      variable?.isPublic === true
        ? [
            `every local user can read ${variable.name} in ${variable.file} with systemctl show fluent-bit` +
              (where === 'variable' || where === ''
                ? ': give the token as --token-file FILE, then delete the line'
                : `. Once install.sh has ended without an error, the token is in ${where}: delete the line, then: sudo systemctl daemon-reload`),
          ]
        : [],
  };
}
