/** What is shown instead of a secret. */
const REDACTED = '[redacted]';
/** Names whose values are secrets; a name such as ACTIVITY_LOG_TOKEN_FILE only says where one is. */
const SECRET = /token|secret|passw(or)?d|api_?key|authorization|credential|shared_key|private_?key/i;
const PLACE = /(_|\.)(file|path|directory|url)$/i;
/** Switches and numbers of one digit: hiding them would garble other texts and protect nothing. */
const NO_SECRET = /^(|on|off|true|false|yes|no|\d)$/i;

/** A shorter secret is part of many other words: it is redacted only where it stands alone. */
const MIN_LENGTH = 6;

/** The text without these secrets. The longest goes first: one may be a part of another. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((rest, secret) => rest.replaceAll(patternOf(secret), REDACTED), text);
}

function patternOf(secret: string): string | RegExp {
  if (secret.length >= MIN_LENGTH) return secret;
  return new RegExp(`(?<![\\w-])${secret.replace(/[^\w]/g, '\\$&')}(?![\\w-])`, 'g');
}

/** A URL without its user name and password, also where the text is not quite a URL. */
export function withoutPassword(url: string): string {
  return url.replace(/^(.*?\/\/)?.*@/s, `$1${REDACTED}@`);
}

/** Whether the value of a variable, key or header of this name must not be shown. */
export function isSecretName(name: string): boolean {
  return SECRET.test(name) && !PLACE.test(name);
}

/** Whether a value can be a secret at all, whatever its name: not when it is empty or a switch. */
export function canBeSecret(value: string): boolean {
  return !NO_SECRET.test(value);
}

/** The values in an environment that must not be shown. */
export function secretsOf(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && isSecretName(name) && canBeSecret(value) ? [value] : [],
  );
}
