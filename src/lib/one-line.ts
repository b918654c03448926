const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * The text in one line: white space that breaks lines becomes a space, other control characters become escapes.
 * What a server or a file says must neither forge a message nor command a terminal.
 */
export function oneLine(text: string): string {
  return text
    .trimEnd()
    .replace(/[\p{Cc}\u2028\u2029]+/gu, (found) => (/^\s+$/.test(found) ? ' ' : Array.from(found, escaped).join('')));
}

/** A character as JSON would escape it. JSON.stringify leaves some as they are, such as U+009B, which starts commands. */
export function escaped(character: string): string {
  return ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
