import { hash } from 'node:crypto';

/** The `prev` of the journal's very first line. */
export const FIRST_PREV = '0'.repeat(64);

/** The journal's last line: where the chain continues. */
export interface ChainEnd {
  readonly seq: number;
  /** Its SHA-256, in hexadecimal digits. */
  readonly hash: string;
}

/** The journal's first line. What was before it was removed because of its age. */
export interface ChainStart {
  readonly seq: number;
  readonly file: string;
}

/** A line's place in the journal. */
export interface Position {
  readonly file: string;
  readonly offset: number;
}

/** The SHA-256 of a line without its line break, in hexadecimal digits. */
export function hashOf(line: Uint8Array): string {
  return hash('sha256', line, 'hex');
}
