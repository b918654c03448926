import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileOfDay, journalFiles } from '../state/journal-files.ts';

const HEAD_BYTES = 256;

/** The journal's files in the order of their commits, and which of them do not have their own name. */
export async function filesInOrder(folder: string): Promise<{ files: string[]; problems: string[] }> {
  const problems: string[] = [];
  const ofDay = new Map<string, string>();
  for (const file of await journalFiles(folder)) {
    // A file is begun on the day that it is named after.
    const day = await firstDay(join(folder, file));
    const own = day === undefined ? file : fileOfDay(day);
    ofDay.set(file, own);
    if (own !== file) problems.push(`${file} begins with a commit of ${own.slice(0, 10)}: it was renamed`);
  }
  const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const files = [...ofDay].sort((a, b) => byName(a[1], b[1]) || byName(a[0], b[0])).map(([file]) => file);
  return { files, problems };
}

/** The day of a file's first commit; undefined when it cannot be told. */
async function firstDay(path: string): Promise<string | undefined> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return /^\{"seq":\d+,"at":"(\d{4}-\d\d-\d\d)T/.exec(buffer.toString('latin1', 0, bytesRead))?.[1];
  } finally {
    await handle.close();
  }
}
