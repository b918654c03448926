export interface Substituted {
  readonly value: string;
  /** Variables that are used without a default and are not set, or set to nothing. */
  readonly unset: readonly string[];
}

/** `${NAME}` and, since 5.0.7, `${NAME:-default}`, anywhere in a value; as flb_env_var_translate(). */
export function substitute(raw: string, lookup: (name: string) => string | undefined): Substituted {
  const unset: string[] = [];
  const value = raw.replaceAll(/\$\{([^}]+)\}/g, (_, body: string) => {
    const colon = body.indexOf(':');
    const hasDefault = colon !== -1 && body[colon + 1] === '-';
    const name = hasDefault ? body.slice(0, colon) : body;
    const found = lookup(name);
    if (found !== undefined && found !== '') return found;
    if (hasDefault) return body.slice(colon + 2);
    unset.push(name);
    return '';
  });
  return { value, unset };
}
