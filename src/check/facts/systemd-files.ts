/** What a backslash escapes between double quotes. */
const ESCAPED_IN_QUOTES = '"\\`$';

/** The words of a setting such as Environment=, with quotation marks removed. */
export function unitWords(value: string): string[] {
  const words = value.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g) ?? [];
  return words.map((word) =>
    word.replaceAll(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, escaped?: string) =>
      double === undefined ? (single ?? escaped ?? '') : double.replaceAll(/\\(.)/g, '$1'),
    ),
  );
}

/** A variable and its line, from 1. */
interface Assignment {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

/** The variables of an environment file as systemd reads it (systemd.exec(5), EnvironmentFile=). */
export function parseEnvironmentFile(text: string): Assignment[] {
  const assignments: Assignment[] = [];
  let line = 1;
  for (let position = 0; position < text.length;) {
    const start = line;
    const logical = readLogicalLine(text, position);
    line += logical.lines;
    position = logical.end;
    const found = /^\s*([A-Za-z_]\w*)=/.exec(logical.text);
    if (found?.[1] === undefined) continue;
    assignments.push({ name: found[1], value: unquote(logical.text.slice(found[0].length)), line: start });
  }
  return assignments;
}

/** A line with its continuations: a backslash at its end, or an open quotation mark. */
function readLogicalLine(text: string, start: number): { text: string; end: number; lines: number } {
  const isComment = /^[ \t]*[#;]/.test(text.slice(start));
  let quote = '';
  let lines = 1;
  let end = start;
  for (; end < text.length; end++) {
    const character = text.charAt(end);
    if (character === '\\' && quote !== "'") {
      end++;
      if (text[end] === '\n') lines++;
    } else if (character === '\n') {
      if (quote === '' || isComment) break;
      lines++;
    } else if (isComment) continue;
    else if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
  }
  return { text: text.slice(start, end), end: end + 1, lines };
}

/** Removes quotation marks and backslashes, and unquoted white space at both ends. */
function unquote(raw: string): string {
  let value = '';
  let kept = 0;
  let quote = '';
  const text = raw.trimStart();
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    const next = text.charAt(index + 1);
    if (quote !== '') {
      if (character === quote) quote = '';
      else if (quote === '"' && character === '\\' && (ESCAPED_IN_QUOTES.includes(next) || next === '\n')) {
        index++;
        if (next !== '\n') value += next;
      } else value += character;
      kept = value.length;
    } else if (character === '"' || character === "'") {
      quote = character;
      kept = value.length;
    } else if (character === '\\') {
      index++;
      if (next !== '\n') value += next;
      kept = value.length;
    } else {
      value += character;
      if (!/\s/.test(character)) kept = value.length;
    }
  }
  return value.slice(0, kept);
}
