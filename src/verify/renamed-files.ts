import { hashOf } from '../state/chain.ts';
import { fileOfDay, journalFiles, linesOf } from '../state/journal-files.ts';

const DAY_LENGTH = '2026-11-26'.length;
/** Enough for the beginning of a line, up to the hash of the one before. */
const HEAD_BYTES = 256;
const HEAD = /^\{"seq":\d+,"at":"(\d{4}-\d\d-\d\d)T[^"]+","prev":"([^"]*)"/;

/** The journal's files in the order of their commits, and which of them do not have their own name. */
export async function filesInOrder(folder: string): Promise<{ files: string[]; problems: string[] }> {
  const problems: string[] = [];
  const ofDay = new Map<string, string>();
  for (const file of await journalFiles(folder)) {
    const own = await ownName(folder, file);
    ofDay.set(file, own);
    if (own !== file) problems.push(`${file} begins with a commit of ${own.slice(0, DAY_LENGTH)}: it was renamed`);
  }
  const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const files = [...ofDay].sort((a, b) => byName(a[1], b[1]) || byName(a[0], b[0])).map(([file]) => file);
  return { files, problems };
}

/**
 * A file is begun on the day that it is named after. Where the second line does not follow the first one, that was
 * altered or moved there, and says nothing about the file.
 */
async function ownName(folder: string, file: string): Promise<string> {
  let day: string | undefined;
  let hash: string | undefined;
  for await (const { bytes, number } of linesOf(folder, file)) {
    const head = HEAD.exec(bytes.toString('latin1', 0, HEAD_BYTES));
    if (number === 2 && head?.[2] !== hash) return file;
    if (number === 2) break;
    [, day] = head ?? [];
    if (day === undefined || fileOfDay(day) === file) return file;
    hash = hashOf(bytes);
  }
  return day === undefined ? file : fileOfDay(day);
}
