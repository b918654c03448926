/** Changes the white space between the tokens of a JSON text and nothing else. The text need not be valid. */

const STRING_OR_MARK = /"(?:[^"\\]|\\.)*"?|[{}[\],:]|[ \t\r\n]+|[^"{}[\],: \t\r\n]+/gs;

/** Without any white space between tokens. */
export function compactJson(text: string): string {
  return text.replace(STRING_OR_MARK, (token) => (/^[ \t\r\n]/.test(token) ? '' : token));
}

/** Two blanks for each level, one member a line. */
export function prettyJson(text: string, newline: '\n' | '\r\n'): string {
  let out = '';
  let depth = 0;
  let opened = false;
  for (const [token] of text.matchAll(STRING_OR_MARK)) {
    if (/^[ \t\r\n]/.test(token)) continue;
    const closes = token === '}' || token === ']';
    if (closes) depth--;
    if (closes ? !opened : opened) out += newline + '  '.repeat(Math.max(0, depth));
    opened = token === '{' || token === '[';
    if (opened) depth++;
    out += token;
    if (token === ',') out += newline + '  '.repeat(depth);
    if (token === ':') out += ' ';
  }
  return out;
}
