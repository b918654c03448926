import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StateError, messageOf } from '../lib/errors.ts';
import { ifThere } from '../lib/read-file.ts';
import { ReusableMemory } from '../lib/reusable-memory.ts';
import { accessAdvice } from './read-state.ts';

const LF = 0x0a;
const READ_BYTES = 256 * 1024;
const FILE_NAME = /^\d{4}-\d\d-\d\d\.jsonl$/;
/** Enough for the beginning of a line, up to the hash of the one before. */
const HEAD_BYTES = 256;
const HEAD = /^\{"seq":(\d+),"at":"(\d{4}-\d\d-\d\dT[^"]+)"(?:,"prev":"([^"]*)")?/;
const STATE_SUFFIX = '_state.json';

/** The journal's folder, beside the state file and named after it, so that each input has its own. */
export function journalFolder(stateFile: string): string {
  const name = basename(stateFile);
  const own = name.endsWith(STATE_SUFFIX) ? `${name.slice(0, -STATE_SUFFIX.length)}_journal` : `${name}.journal`;
  return join(dirname(stateFile), own);
}

/** The file that takes the commits of a day (UTC, `2026-11-26`). */
export function fileOfDay(day: string): string {
  return `${day}.jsonl`;
}

/** The names of the journal's files, oldest first; none when there is no folder. Throws what reading it throws. */
export async function journalFiles(folder: string): Promise<string[]> {
  const names = (await ifThere(readdir(folder))) ?? [];
  return names.filter((name) => FILE_NAME.test(name)).sort();
}

/** The size of all files together, in bytes. */
export async function journalBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await journalFiles(folder)) bytes += (await stat(join(folder, name))).size;
  return bytes;
}

/** What the beginning of a line says of its commit; undefined when it cannot be read. */
export function commitIn(line: Buffer): { seq: number; at: string; prev: string | undefined } | undefined {
  const [, seq, at, prev] = HEAD.exec(line.toString('latin1', 0, HEAD_BYTES)) ?? [];
  return at === undefined ? undefined : { seq: Number(seq), at, prev };
}

/** The number and the time of the first commit of a file; undefined when they cannot be read. */
export async function firstCommit(folder: string, file: string): Promise<{ seq: number; at: string } | undefined> {
  const handle = await openIfThere(join(folder, file));
  if (handle === undefined) return undefined;
  try {
    const buffer = Buffer.alloc(HEAD_BYTES);
    const bytesRead = await read(handle, join(folder, file), buffer, 0);
    const commit = commitIn(buffer.subarray(0, bytesRead));
    return commit && { seq: commit.seq, at: commit.at };
  } finally {
    await handle.close();
  }
}

/** Undefined when the file is gone. */
async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return ifThere(open(path)).catch((error: unknown) => {
    throw unreadable(path, error);
  });
}

async function read(handle: FileHandle, path: string, into: Buffer, position: number): Promise<number> {
  try {
    return (await handle.read(into, 0, into.length, position)).bytesRead;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): StateError {
  return new StateError(`cannot read the journal file ${path}: ${messageOf(error)}${accessAdvice(error)}`, error);
}

/** A line of a file as it is on the disk. */
export interface RawLine {
  readonly file: string;
  /** Counted from 1 for the first line read of its file. */
  readonly number: number;
  /** Where it starts in its file. */
  readonly offset: number;
  /** Without its line break; valid until the next line is asked for. */
  readonly bytes: Buffer;
  /** False for the last line of a file when its line break is missing. */
  readonly isWhole: boolean;
}

/**
 * The lines of one file from this offset on, in memory that is used again. Throws StateError when it cannot be read. None
 * when the file is gone: a poll may remove old files while another command reads them.
 */
export async function* linesOf(folder: string, file: string, offset = 0): AsyncGenerator<RawLine> {
  const handle = await openIfThere(join(folder, file));
  if (handle === undefined) return;
  const memory = new ReusableMemory();
  try {
    let number = 1;
    let start = offset;
    let kept = 0;
    for (;;) {
      const buffer = memory.ensureCapacity(kept + READ_BYTES, kept);
      const bytesRead = await read(handle, join(folder, file), buffer.subarray(kept, kept + READ_BYTES), start + kept);
      const length = kept + bytesRead;
      let from = 0;
      // The bytes kept from before have no line break.
      for (let end = buffer.indexOf(LF, kept); end >= 0 && end < length; end = buffer.indexOf(LF, from)) {
        yield { file, number: number++, offset: start + from, bytes: buffer.subarray(from, end), isWhole: true };
        from = end + 1;
      }
      if (bytesRead === 0) {
        if (length > 0) yield { file, number, offset: start, bytes: buffer.subarray(0, length), isWhole: false };
        return;
      }
      buffer.copy(buffer, 0, from, length);
      start += from;
      kept = length - from;
    }
  } finally {
    await handle.close();
  }
}
