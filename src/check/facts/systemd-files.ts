/** The words of a setting such as Environment=, with quotation marks removed. */
export function unitWords(value: string): string[] {
  const words = value.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g) ?? [];
  return words.map((word) =>
    word.replaceAll(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, escaped?: string) =>
      double === undefined ? (single ?? escaped ?? '') : double.replaceAll(/\\(.)/g, '$1'),
    ),
  );
}

/** A comment, or a line with its continuations: a backslash at its end, or an open quotation mark. */
const LINES = /[ \t]*[#;](?:\\[^]|[^\\\n])*|(?:"(?:\\[^]|[^"\\])*"?|'[^']*'?|\\[^]?|[^\n"'\\])+/g;
/** What is not part of a value as written: quotation marks, backslashes, and white space at its end. */
const MARKED = /"((?:\\[^]|[^"\\])*)"?|'([^']*)'?|\\([^]?)|\s+$/g;

/** The variables of an environment file as systemd reads it (systemd.exec(5), EnvironmentFile=), each with its line. */
export function parseEnvironmentFile(text: string) {
  return Array.from(text.matchAll(LINES)).flatMap(({ 0: written, index }) => {
    const [start = '', name] = /^\s*([A-Za-z_]\w*)=/.exec(written) ?? [];
    if (name === undefined) return [];
    const line = text.slice(0, index).split('\n').length;
    return [{ name, value: unquote(written.slice(start.length).trimStart()), line }];
  });
}

function unquote(value: string): string {
  return value.replace(MARKED, (_, double?: string, single?: string, escaped?: string) => {
    if (double === undefined) return single ?? (escaped === '\n' ? '' : (escaped ?? ''));
    return double.replace(/\\(?:\n|(["\\`$]))/g, '$1');
  });
}
