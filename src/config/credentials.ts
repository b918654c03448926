import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatDuration } from '../lib/duration.ts';
import { ConfigError, ExitCode, codeOf, messageOf } from '../lib/errors.ts';
import type { ProviderDefinition } from '../providers/provider.ts';

/** A token that expires sooner than this causes a warning. */
const EXPIRY_WARNING_MS = 14 * 86_400_000;
const CREDENTIAL_NAME = 'activity-log-token';

export interface Credentials {
  readonly authorization: string;
  /** Where they came from, for messages. */
  readonly origin: string;
  /** When the token expires (epoch milliseconds); undefined unless it is a JSON Web Token that says so. */
  readonly expiresAt: number | undefined;
  readonly secrets: readonly string[];
}

/**
 * Reads the credentials, from the first of: the token file, systemd's credential, the provider's environment
 * variables. They are read at each run, so that a rotated token needs no restart. Throws ConfigError.
 */
export function readCredentials(
  definition: ProviderDefinition,
  tokenFile: string | undefined,
  env: NodeJS.ProcessEnv,
): Credentials {
  if (tokenFile !== undefined) return bearer(readToken(tokenFile), tokenFile);

  const folder = env['CREDENTIALS_DIRECTORY'];
  if (folder !== undefined && folder !== '') {
    const file = join(folder, CREDENTIAL_NAME);
    const token = readTokenIfThere(file);
    if (token !== undefined) return bearer(token, file);
  }

  const { tokens, username, password } = definition.environment;
  for (const name of tokens) {
    const token = env[name]?.trim() ?? '';
    if (token !== '') return bearer(token, name);
  }
  if (username !== undefined && password !== undefined) {
    const [user, secret] = [env[username] ?? '', env[password] ?? ''];
    if (user !== '' && secret !== '') return basic(user, secret, username);
    if (user !== '' || secret !== '') {
      throw missing(`${user === '' ? username : password} is not set, and ${username} and ${password} go together`);
    }
  }
  const names = [...tokens, ...(username === undefined ? [] : [`${username} and ${password ?? ''}`])];
  throw missing(
    `no API token: use --token-file FILE, or set ${names.join(' or ')}; create one in ${definition.tokenPlace}`,
  );
}

/** A warning when the token expires soon or has expired; undefined otherwise. */
export function expiryWarning({ expiresAt, origin }: Credentials, now: number): string | undefined {
  if (expiresAt === undefined || expiresAt - now >= EXPIRY_WARNING_MS) return undefined;
  const date = new Date(expiresAt).toISOString().slice(0, 10);
  if (expiresAt <= now) return `the token from ${origin} expired on ${date}`;
  return `the token from ${origin} expires in ${formatDuration(expiresAt - now)}, on ${date}: create a new one in time`;
}

function bearer(text: string, origin: string): Credentials {
  const token = text.trim().replace(/^Bearer(?:\s+|$)/i, '');
  if (token === '') throw missing(`the token from ${origin} is empty`);
  const mistake = mistakeIn(token);
  if (mistake !== undefined) throw missing(`the token from ${origin} ${mistake}`);
  return { authorization: `Bearer ${token}`, origin, expiresAt: expiryOf(token), secrets: [token] };
}

/** What was pasted around or instead of the token: the API would only reject it. */
function mistakeIn(token: string): string | undefined {
  if (token.startsWith('{')) return 'is JSON: keep only the value of its "token"';
  if (/^(["'`]).*\1$/s.test(token)) return 'is in quotes: remove them';
  if (/^(?:export\s+)?[A-Za-z_]\w*=[^=]/.test(token)) return 'starts with NAME=: keep only the value';
  if (/^<.*>$/s.test(token)) return 'is a placeholder: put the real token there';
  if (!/^[\x21-\x7e]+$/.test(token)) return 'contains whitespace or other characters not allowed in a token';
  return undefined;
}

function basic(username: string, password: string, origin: string): Credentials {
  const encoded = Buffer.from(`${username}:${password}`).toString('base64');
  return { authorization: `Basic ${encoded}`, origin, expiresAt: undefined, secrets: [encoded, password] };
}

/** The `exp` of a JSON Web Token (RFC 7519, 4.1.4), in epoch milliseconds. */
function expiryOf(token: string): number | undefined {
  const [, payload] = token.split('.');
  if (payload === undefined) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp?: unknown } | null;
    const exp = typeof claims?.exp === 'number' ? new Date(claims.exp * 1000).getTime() : NaN;
    return Number.isNaN(exp) ? undefined : exp;
  } catch {
    return undefined;
  }
}

function readToken(file: string): string {
  const token = readTokenIfThere(file);
  if (token === undefined) throw missing(`the token file ${file} does not exist`);
  return token;
}

function readTokenIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    const why = codeOf(error) === 'EISDIR' ? 'it is a folder' : messageOf(error);
    throw missing(`the token file ${file} cannot be read: ${why}`);
  }
}

function missing(message: string): ConfigError {
  return new ConfigError(message, ExitCode.NothingCollected);
}
