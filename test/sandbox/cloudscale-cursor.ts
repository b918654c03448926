/** The cursor of a cloudscale.ch answer: opaque to a client, a position and a query to the sandbox. */

export interface Cursor {
  /** Number of visible entries that lie behind. */
  position: number;
  /** The query that it goes on with: microseconds since the epoch, null for none. */
  start: number | null;
  end: number | null;
  /** When it was given out, in milliseconds. */
  issued: number;
  /** How often cursors had been expired by then. */
  generation: number;
}

export function writeCursor(cursor: Cursor): string {
  const { position, start, end, issued, generation } = cursor;
  return Buffer.from(JSON.stringify([position, start, end, issued, generation])).toString('base64url');
}

/** Undefined for a text that no sandbox wrote. */
export function readCursor(text: string): Cursor | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts)) return undefined;
  const [position, start, end, issued, generation] = parts as unknown[];
  const right =
    isNumber(position) &&
    (start === null || isNumber(start)) &&
    (end === null || isNumber(end)) &&
    isNumber(issued) &&
    isNumber(generation);
  return right ? { position, start, end, issued, generation } : undefined;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}
