import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { expiryWarning, readCredentials, type Credentials } from '../../config/credentials.ts';
import { formatDuration } from '../../lib/duration.ts';
import { ConfigError } from '../../lib/errors.ts';
import type { Environment, Setup } from '../facts/environment.ts';
import { error, fatal, ok, unseen, warning, type Details, type Finding } from '../finding.ts';
import { isForbidden, pathOn, type Machine, READ, mayUser } from '../facts/machine.ts';
import { ENV_FILE, TOKEN_FILE } from '../facts/paths.ts';
import { RESTART } from '../facts/service.ts';

const API_KEY = 'ACTIVITY_LOG_API_KEY';
const OTHERS_READ = 0o004;

/** Whether there is a token, for how long, and who else can read it. */
export function checkToken(setup: Setup, machine: Machine, now: number) {
  const { config, environment } = setup;
  const named = config.tokenFile ?? environment.service?.tokenFile;
  const file = named === undefined ? undefined : pathOn(machine, resolve(named));
  try {
    const credentials = readCredentials(config.provider, file, setup.env);
    // With LoadCredential=, systemd itself reads the file.
    const denied = config.tokenFile === undefined ? [] : closed(credentials, setup, machine);
    return {
      credentials,
      findings: [
        ...expiry(credentials, now),
        ...denied,
        ...otherReaders(credentials),
        ...inUnits(credentials, setup, machine),
      ],
    };
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return { credentials: undefined, findings: unusable(thrown, file, setup) };
  }
}

function expiry(credentials: Credentials, now: number): Finding[] {
  const { expiresAt, origin } = credentials;
  const message = expiryWarning(credentials, now);
  if (expiresAt === undefined) return ok('token', `token from ${origin}, without an expiry date`);
  if (message === undefined) {
    const date = new Date(expiresAt).toISOString().slice(0, 10);
    return ok('token', `token from ${origin}, valid for ${formatDuration(expiresAt - now)}, until ${date}`);
  }
  const [level, impact] =
    expiresAt <= now
      ? [error, 'nothing is collected until it is replaced']
      : [warning, 'nothing is collected from then on'];
  return level('token-expiry', message, { impact, ...place(credentials) });
}

/** Where to put a new token: each run reads the file. */
function place({ origin }: Credentials) {
  return origin.startsWith('/') ? { at: { file: origin } } : {};
}

/** Whether the user that Fluent Bit runs as can read it. */
function closed({ origin }: Credentials, { environment: { service } }: Setup, machine: Machine): Finding[] {
  if (service === undefined || mayUser(service.user, READ, origin, machine) !== false) return [];
  return fatal('token-user', `Fluent Bit runs as ${service.user}, who cannot read the token file`, {
    at: { file: origin },
    command: 'sudo ./install.sh --credentials',
  });
}

function otherReaders({ origin }: Credentials): Finding[] {
  if (!origin.startsWith('/') || (statSync(origin).mode & OTHERS_READ) === 0) return [];
  return warning('token-mode', 'every user of this machine can read the token file', {
    at: { file: origin },
    impact: 'anyone who has the token can read your audit log, or more',
    command: `chmod 600 ${origin}`,
  });
}

/** The secrets that a unit contains, used or left over: the token, the password, the destination's key. */
function inUnits({ origin }: Credentials, { config, environment }: Setup, machine: Machine): Finding[] {
  const { tokens, password } = config.provider.environment;
  const fixOf = (name: string): string | undefined => {
    if (name === password || name === API_KEY) return `move it to ${ENV_FILE}, and delete this line`;
    if (!tokens.includes(name)) return undefined;
    if (name !== origin) return `delete this line: the token is read from ${origin}`;
    return `put it into ${TOKEN_FILE} (mode 600), write ${tokenFileSetting(environment).fix}, and delete this line`;
  };
  return (environment.service?.inUnits ?? []).flatMap(({ name, value, at }) => {
    const fix = fixOf(name);
    if (fix === undefined || value === '') return [];
    return warning('token-public', `${name} is set in a unit`, {
      at: { file: pathOn(machine, at.file), line: at.line },
      impact: 'every user of this machine can read it with systemctl show fluent-bit',
      fix,
      command: RESTART,
    });
  });
}

function unusable({ message }: ConfigError, file: string | undefined, setup: Setup): Finding[] {
  const { config, environment } = setup;
  const { service } = environment;
  const hint = file === undefined ? config.provider.environment.tokens.map(environment.hint).join('') : '';
  // The service's user may be able to read what this one cannot.
  if (service !== undefined && (!environment.isKnown || (file !== undefined && isForbidden(file)))) {
    return unseen('token-unknown', `${message}${hint}`, `only ${service.user} can check it`);
  }
  if (file !== undefined) {
    const fix = `put a token into this file (mode 600); create one in ${config.provider.tokenPlace}`;
    return fatal('token', message, { at: { file }, fix });
  }
  const { at, fix } = tokenFileSetting(environment);
  return fatal('token', `${message}${hint}`, {
    at,
    fix: `put the token into ${TOKEN_FILE} (mode 600), and write ${fix}`,
    ...(service === undefined ? {} : { command: RESTART }),
  });
}

/** Where to set the token file for the service so that nothing overrides it: environment files override units. */
function tokenFileSetting({ service }: Environment): Pick<Details, 'at' | 'fix'> {
  const setting = `ACTIVITY_LOG_TOKEN_FILE=${TOKEN_FILE}`;
  const present = service?.variables.get('ACTIVITY_LOG_TOKEN_FILE');
  if (present !== undefined) {
    const { file, line } = present.at;
    return { at: present.at, fix: `${present.isPublic ? 'Environment=' : ''}${setting} in ${file}:${line}` };
  }
  if (service === undefined || service.environmentFiles.includes(ENV_FILE)) {
    return { fix: `${setting} in ${ENV_FILE}` };
  }
  return { fix: `Environment=${setting} below [Service] (sudo systemctl edit fluent-bit)` };
}
