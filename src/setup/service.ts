import { lstatSync } from 'node:fs';
import { pathOn, type Machine } from '../check/facts/machine.ts';
import type { Service } from '../check/facts/service.ts';
import { parseEnvironmentFile } from '../check/facts/systemd-files.ts';
import { ConfigError, ExitCode } from '../lib/errors.ts';
import { MAIN } from '../check/facts/paths.ts';

const BY_HAND = 'install by hand, as the README says';
/** The shell's own variables, and what is not the name of one. */
const NOT_EXPORTED = /^(?:PATH|IFS)$|\W|^\d/;

const MIN_CREDENTIALS_SYSTEMD = 247;

/** Throws unless the service reads the fluent-bit.conf that install.sh changes, and can read the token. */
export async function demandService(service: Service, usesCredentials: boolean, machine: Machine): Promise<void> {
  const refuse = (why: string): never => {
    throw new ConfigError(why, ExitCode.NothingCollected);
  };
  const config = service.configFile ?? MAIN;
  if (config !== MAIN) refuse(`fluent-bit.service reads ${config}, not ${MAIN}: ${BY_HAND}`);
  const main = lstatSync(pathOn(machine, MAIN), { throwIfNoEntry: false });
  if (main?.isSymbolicLink() === true) {
    refuse(`${MAIN} is a symbolic link, so something else manages it: ${BY_HAND}`);
  }
  if (main === undefined) refuse(`there is no ${MAIN}: install the package fluent-bit again, with --force-confmiss`);
  if (service.user !== 'root' && !usesCredentials) {
    refuse(`fluent-bit runs as ${service.user}, who cannot read root's token file: use --credentials`);
  }
  if (!usesCredentials) return;
  const told = await machine.run('systemctl', ['--version'], process.env);
  const [, version = 'unknown'] = /^\D*(\d+)/.exec(told?.stdout ?? '') ?? [];
  if (!(Number(version) >= MIN_CREDENTIALS_SYSTEMD)) {
    refuse(`--credentials needs systemd ${MIN_CREDENTIALS_SYSTEMD} or newer; this is ${version}`);
  }
}

/**
 * What the service's variables will be once activity-log.env has the text `env`: a line each, for Fluent Bit's test of its
 * configuration, which does not need the key.
 */
export function environmentOf({ variables }: Service, env: string): string {
  const all = new Map([
    ...[...variables.values()].map(({ name, value }) => [name, value] as const),
    ...parseEnvironmentFile(env).map(({ name, value }) => [name, value] as const),
    ['ACTIVITY_LOG_API_KEY', 'secret'] as const,
  ]);
  return [...all]
    .filter(([name, value]) => !NOT_EXPORTED.test(name) && !value.includes('\n'))
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
