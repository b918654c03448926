import { firstCommit, fileOfDay, journalFiles } from '../state/journal-files.ts';

const DAY_LENGTH = '2026-11-26'.length;

/** The journal's files in the order of their commits, and which of them do not have their own name. */
export async function filesInOrder(folder: string): Promise<{ files: string[]; problems: string[] }> {
  const problems: string[] = [];
  const ofDay = new Map<string, string>();
  for (const file of await journalFiles(folder)) {
    // A file is begun on the day that it is named after.
    const first = await firstCommit(folder, file);
    const own = first === undefined ? file : fileOfDay(first.at.slice(0, DAY_LENGTH));
    ofDay.set(file, own);
    if (own !== file) problems.push(`${file} begins with a commit of ${own.slice(0, DAY_LENGTH)}: it was renamed`);
  }
  const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const files = [...ofDay].sort((a, b) => byName(a[1], b[1]) || byName(a[0], b[0])).map(([file]) => file);
  return { files, problems };
}
