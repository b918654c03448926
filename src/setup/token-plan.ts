import { join } from 'node:path';
import { localFiles } from '../check/fluent-bit-config/read.ts';
import { pathOn, type Machine } from '../check/facts/machine.ts';
import type { Service, Variable } from '../check/facts/service.ts';
import { ConfigError, ExitCode } from '../lib/errors.ts';
import { PROVIDERS } from '../providers/index.ts';
import { envValue, withEnv } from './env-text.ts';
import { TOKEN_FILE } from '../check/facts/paths.ts';
import { flawOf } from './values.ts';

const TOKEN_FILE_VARIABLE = 'ACTIVITY_LOG_TOKEN_FILE';

/**
 * A token that the service has in a variable is copied into the file, so that it can be deleted from where every local
 * user can read it. A password cannot: there activity-log.env makes the file's name empty, since a file goes first.
 */
export function planToken(
  token: string | undefined,
  usesCredentials: boolean,
  env: string,
  service: Service | undefined,
  machine: Machine,
) {
  const isNamed = new RegExp(`^${TOKEN_FILE_VARIABLE}=`, 'm').test(env);
  const named = isNamed ? envValue(env, TOKEN_FILE_VARIABLE) : TOKEN_FILE;
  const provider = PROVIDERS[envValue(env, 'ACTIVITY_LOG_PROVIDER') || 'ionos'];
  const { tokens = [], password = '' } = provider?.environment ?? {};
  const names = [...tokens, password];
  const variable = findVariable(names, service);
  const isPassword = variable?.name === password;
  const holds = (file: string): boolean => {
    const path = pathOn(machine, join('/', file));
    return localFiles.isFile(path) && localFiles.read(path) !== '';
  };
  const copied = isPassword || flawOf('token', variable?.value ?? '') !== undefined ? undefined : variable?.value;
  const value = token ?? (holds(named) || holds(TOKEN_FILE) ? undefined : copied);
  const where =
    value !== undefined
      ? TOKEN_FILE
      : holds(named)
        ? named
        : isPassword
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
    warnings: (service?.inUnits ?? [])
      .filter((one) => names.includes(one.name) && one.value !== '')
      .map(
        ({ name, at }) =>
          `every local user can read ${name} in ${at.file} with systemctl show fluent-bit` +
          (where === 'variable' || where === ''
            ? ': give the token as --token-file FILE, then delete the line'
            : `. Once install.sh has ended without an error, the token is in ${where}: delete the line, then: ` +
              'sudo systemctl daemon-reload'),
      ),
  };
}

/** The service's variable with a token or a password, as in the vendor's tutorial, also where it does not read it yet. */
function findVariable(names: readonly string[], service: Service | undefined): Variable | undefined {
  return names
    .map((name) => service?.variables.get(name) ?? service?.unread.get(name))
    .find((variable) => variable !== undefined && variable.value !== '');
}
