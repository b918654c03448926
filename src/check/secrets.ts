/** Names whose values are secrets; a name such as ACTIVITY_LOG_TOKEN_FILE only says where one is. */
const SECRET = /token|secret|passw(or)?d|passwd|api_?key|authorization|credential|shared_key|private_?key/i;
const PLACE = /(_|\.)(file|path|directory|url)$/i;

/** Whether the value of a variable, key or header of this name must not be shown. */
export function isSecretName(name: string): boolean {
  return SECRET.test(name) && !PLACE.test(name);
}

/** The values in an environment that must not be shown. */
export function secretsOf(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value]) => (isSecretName(name) && value !== undefined ? [value] : []));
}
