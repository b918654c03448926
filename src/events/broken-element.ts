import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from './json-tokens.ts';

/**
 * Where an array's element ends that is not JSON: before the comma or bracket behind it, when its brackets and quotes
 * are in pairs. Undefined when they are not.
 */
export function endOfBrokenElement(json: Buffer, start: number): number | undefined {
  let depth = 0;
  let isString = false;
  for (let p = start; p < json.length; p++) {
    const byte = json[p];
    if (byte === QUOTE) isString = !isString;
    else if (isString) p += byte === BACKSLASH ? 1 : 0;
    else if (depth === 0 && (byte === COMMA || byte === CLOSE_ARRAY)) return p;
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
    else if ((byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) && --depth < 0) return undefined;
  }
  return undefined;
}
