/**
 * What Fluent Bit 5.1.1 makes of a line with a JSON parser, as measured with the real one:
 *
 * - `accepted`: one object, counted and stored. What follows it on the line does not matter unless it is JSON again.
 * - `refused`: not counted, lost: not JSON, not an object, two values, a number beyond the range of a double, more than
 *   64 levels of nesting (the object itself is the first).
 * - `poison`: exactly 64 levels. The parser takes the line, the decoder behind it does not: the line is not counted, and
 *   whatever follows in the same chunk is counted and never reaches an output.
 *
 * Broken JSON that the real one lets pass (raw control characters in a string, `\u12`) is refused here.
 */
export type Verdict = 'accepted' | 'refused' | 'poison';

const POISONOUS_DEPTH = 64;
const BLANKS = /^[ \t\r\n]*/;
const ANOTHER_VALUE = /^(?:"(?:[^"\\]|\\.)*"|-?(?:0(?!\d)|[1-9]\d*)|true|false|null)/;

export function judge(line: string): Verdict {
  const value = parse(line) ?? parseStart(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'refused';
  const depth = depthOf(value);
  if (depth === POISONOUS_DEPTH) return 'poison';
  return depth < POISONOUS_DEPTH ? 'accepted' : 'refused';
}

/** An object with something after it that is no JSON. */
function parseStart(line: string): unknown {
  const start = line.replace(BLANKS, '');
  const length = lengthOfNested(start);
  const rest = start.slice(length).replace(BLANKS, '');
  if (length === 0 || ANOTHER_VALUE.test(rest)) return undefined;
  const nested = lengthOfNested(rest);
  return nested > 0 && parse(rest.slice(0, nested)) !== undefined ? undefined : parse(start.slice(0, length));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Up to the bracket that closes the first one; 0 when the text does not begin with one or it is never closed. */
function lengthOfNested(text: string): number {
  if (!/^[[{]/.test(text)) return 0;
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    if (depth === 0) return index + 1;
  }
  return 0;
}

/** Levels of nesting; infinite when there is a number that no double can hold. */
function depthOf(root: object): number {
  let deepest = 0;
  const open: [unknown, number][] = [[root, 1]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, depth] = next;
    if (typeof value === 'number' && !Number.isFinite(value)) return Infinity;
    if (typeof value !== 'object' || value === null) continue;
    deepest = Math.max(deepest, depth);
    for (const child of Object.values(value)) open.push([child, depth + 1]);
  }
  return deepest;
}
