import { hashOf } from '../state/chain.ts';
import { commitIn, fileOfDay, journalFiles, linesOf } from '../state/journal-files.ts';

const DAY_LENGTH = '2026-11-26'.length;

/** How a file begins. */
interface Start {
  readonly day: string;
  readonly prev: string;
  readonly hash: string;
  /** The hash that the second line has of the first; undefined when there is no second line. */
  readonly known: string | undefined;
}

/**
 * The journal's files in the order of their commits, and which of them do not have their own name. `newest` is the hash
 * of the newest commit in the state file.
 */
export async function filesInOrder(folder: string, newest: string): Promise<{ files: string[]; problems: string[] }> {
  const starts = new Map<string, Start | undefined>();
  for (const file of await journalFiles(folder)) starts.set(file, await startOf(folder, file));
  const ends = new Set([newest, ...Array.from(starts.values(), (start) => start?.prev)]);
  const problems: string[] = [];
  const ofDay = new Map<string, string>();
  for (const [file, start] of starts) {
    const own = start !== undefined && isAsWritten(start, ends) ? fileOfDay(start.day) : file;
    ofDay.set(file, own);
    if (own !== file) problems.push(`${file} begins with a commit of ${own.slice(0, DAY_LENGTH)}: it was renamed`);
  }
  const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const files = [...ofDay].sort((a, b) => byName(a[1], b[1]) || byName(a[0], b[0])).map(([file]) => file);
  return { files, problems };
}

/** A file is begun on the day that it is named after, unless its first line was altered or moved there. */
function isAsWritten({ hash, known }: Start, ends: ReadonlySet<string | undefined>): boolean {
  return known === undefined ? ends.has(hash) : known === hash;
}

/** Undefined when the file has no first line that can be read. */
async function startOf(folder: string, file: string): Promise<Start | undefined> {
  let start: Start | undefined;
  for await (const { bytes, isWhole } of linesOf(folder, file)) {
    if (!isWhole) break;
    const commit = commitIn(bytes);
    if (start !== undefined) return { ...start, known: commit?.prev ?? '' };
    if (commit?.prev === undefined) return undefined;
    start = { day: commit.at.slice(0, DAY_LENGTH), prev: commit.prev, hash: hashOf(bytes), known: undefined };
  }
  return start;
}
