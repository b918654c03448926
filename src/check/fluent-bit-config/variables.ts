/** `${NAME}` and, since 5.0.7, `${NAME:-default}`, anywhere in a value, as in flb_env_var_translate(). */
export function substitute(raw: string, lookup: (name: string) => string | undefined): string {
  return raw.replaceAll(/\$\{([^}]+)\}/g, (_, body: string) => {
    const [, name = body, fallback = ''] = /^([^:]*):-(.*)$/s.exec(body) ?? [];
    const found = lookup(name) ?? '';
    return found === '' ? fallback : found;
  });
}
