/** A setting of a systemd unit. */
export interface UnitEntry {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

/** The settings of a unit or drop-in (systemd.syntax(7)). */
export function parseUnit(text: string): UnitEntry[] {
  const entries: UnitEntry[] = [];
  let section = '';
  let continued: { text: string; line: number } | undefined;
  for (const [index, physical] of text.split(/\r?\n/).entries()) {
    if (/^\s*[#;]/.test(physical)) continue;
    const { text: before, line } = continued ?? { text: '', line: index + 1 };
    const joined = before + physical;
    if (joined.endsWith('\\')) {
      continued = { text: `${joined.slice(0, -1)} `, line };
      continue;
    }
    continued = undefined;
    const header = /^\s*\[([^\]]*)\]\s*$/.exec(joined);
    const setting = /^\s*([A-Za-z]\w*)\s*=(.*)$/.exec(joined);
    if (header?.[1] !== undefined) section = header[1];
    else if (setting?.[1] !== undefined) {
      entries.push({ section, key: setting[1], value: (setting[2] ?? '').trim(), line });
    }
  }
  return entries;
}

/** The words of a setting such as Environment=, which quotation marks hold together. */
export function unitWords(value: string): string[] {
  const words = value.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g) ?? [];
  return words.map((word) =>
    word.replaceAll(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, escaped?: string) =>
      double === undefined ? (single ?? escaped ?? '') : double.replaceAll(/\\(.)/g, '$1'),
    ),
  );
}
