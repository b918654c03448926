/** One thing for install.sh to do: nothing, where it finds it done. */
export interface Step {
  readonly what: 'put' | 'drop';
  /** Of what is put; `as-is`: that and the owner which the file has. */
  readonly mode: string;
  readonly effect: '-' | 'restart';
  readonly path: string;
  /** The file that it becomes a copy of. */
  readonly source: string;
}

export function put(mode: string, path: string, source: string, effect: Step['effect'] = 'restart'): Step {
  return { what: 'put', mode, effect, path, source };
}

export function drop(path: string, effect: Step['effect'] = 'restart'): Step {
  return { what: 'drop', mode: '-', effect, path, source: '' };
}

/** A line for each; the source comes last, since it may have blanks. */
export function formatSteps(steps: readonly Step[]): string {
  return steps.map(({ what, mode, effect, path, source }) => `${what} ${mode} ${effect} ${path} ${source}\n`).join('');
}
