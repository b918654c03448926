// Both hook into the process's exit. Loaded in the other order, the lock would be left behind (measured).
import 'proper-lockfile';
import writeFileAtomic from 'write-file-atomic';
import { open, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The mode of our files: only the owner may read audit logs. */
export const PRIVATE = 0o600;
const LF = 0x0a;

/** Writes a file whole or not at all; it is on the disk when this returns. */
export async function writeDurably(file: string, text: string, mode = PRIVATE): Promise<void> {
  // write-file-atomic does not check how much its one write took: on a disk that is nearly full, half a file would
  // replace the state. This write notices, and leaves its blocks to the second one. The promise is awaited
  // (lib/index.js), whatever the types say.
  const reserve: (temporary: string) => unknown = (temporary) => writeFile(temporary, text);
  await writeFileAtomic(file, text, { mode, tmpfileCreated: reserve });
  await syncFolder(dirname(file));
}

/** Appends whole lines to a file, after whole lines; they are on the disk when this returns. */
export async function appendDurably(file: string, lines: Uint8Array): Promise<void> {
  const handle = await open(file, 'a+', PRIVATE);
  try {
    await handle.chmod(PRIVATE);
    // A killed run or a full disk may have left half a line.
    if (!(await endsWithLine(handle))) await handle.appendFile('\n');
    await handle.appendFile(lines);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a file's new name, or its removal, survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function endsWithLine(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  const last = Buffer.alloc(1);
  return size === 0 || (await handle.read(last, 0, 1, size - 1)).bytesRead === 0 || last[0] === LF;
}
