import { PROVIDERS } from '../providers/index.ts';

export type Kind = 'tag' | 'host' | 'interval' | 'provider' | 'token' | 'key';

const MIN_INTERVAL = 10;
const MAX_INTERVAL = 86_400;
/** Placeholders in manuals, such as `<TAG_NAME>`, `YOUR-PIPELINE` or `HOST`. */
const PLACEHOLDER = /^<.*>$|^\.{3}$|^(?:HOST|NAME|TAG|TOKEN|KEY)(?:[-_ ].*)?$|\byour[-_ ]|change[-_]?me|^[xX]{3,}$/;
/** Characters that are in no token or key: white space, control characters, letters beyond ASCII. */
const NOT_PRINTABLE = /[^!-~]/;

/**
 * What is wrong with a value; undefined if nothing is. The tag becomes part of a URI and of patterns, and a label of
 * Loki, so it cannot contain their special characters.
 */
export function flawOf(kind: Kind, value: string): string | undefined {
  if (value === '') return 'it is empty';
  if (PLACEHOLDER.test(value))
    return isSecret(kind) ? 'it is a placeholder' : `expected a real value, not the placeholder ${value}`;
  switch (kind) {
    case 'tag':
      return /^[A-Za-z0-9._-]+$/.test(value)
        ? undefined
        : `expected only letters, digits, dots, dashes and underscores, not ${JSON.stringify(value)}`;
    case 'host':
      return flawOfHost(value);
    case 'interval':
      return /^\d+$/.test(value) && Number(value) >= MIN_INTERVAL && Number(value) <= MAX_INTERVAL
        ? undefined
        : `expected ${MIN_INTERVAL} to ${MAX_INTERVAL} seconds, not ${value}`;
    case 'provider':
      return Object.hasOwn(PROVIDERS, value)
        ? undefined
        : `expected ${Object.keys(PROVIDERS).join(' or ')}, not ${value}`;
    case 'token':
      return flawOfSecret(kind, value);
    case 'key':
      // systemd would interpret quotes and backslashes.
      if (/["'`\\]/.test(value)) return 'a key has no quotes or backslashes';
      if (value.includes('${')) return 'it is a variable, which nothing replaces: give the key itself';
      return flawOfSecret(kind, value);
  }
}

function isSecret(kind: Kind): boolean {
  return kind === 'token' || kind === 'key';
}

function flawOfHost(value: string): string | undefined {
  if (value.includes('://')) return `expected the host alone, without a scheme, not ${value}`;
  if (value.includes('/')) return `expected the host alone, without a path, not ${value}`;
  if (value.includes(':')) return `expected the host alone, without a port (it is 443), not ${value}`;
  return /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(value) ? undefined : `not a host name: ${value}`;
}

function flawOfSecret(kind: Kind, value: string): string | undefined {
  if (!NOT_PRINTABLE.test(value)) return undefined;
  return `not one ${kind} alone: it contains spaces, line breaks or other characters that no ${kind} has`;
}
