import { constants } from 'node:fs';
import { access, open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { PRIVATE, syncFolder } from '../lib/durable-file.ts';
import { StateError, codeOf } from '../lib/errors.ts';
import { ReusableMemory } from '../lib/reusable-memory.ts';
import { hashOf, type ChainEnd, type ChainStart, type Position } from './chain.ts';
import { fileOfDay, firstCommit, journalFiles } from './journal-files.ts';
import { serializeLine, type SourceRecord } from './journal-line.ts';
import { makeFolder } from './state-file.ts';

const RESERVE = 'reserve';
/** Disk space that is freed when the disk is full, so that what was printed can still be committed. */
const RESERVE_BYTES = 32 * 1024;

/** The journal's first line, and when it was written. */
export interface JournalBegin extends ChainStart {
  /** RFC 3339. */
  readonly at: string;
}

/** Appends commits to the file of the day. One process at a time does so, under the lock of the state. */
export class Journal {
  readonly folder: string;
  readonly #now: () => number;
  #end: ChainEnd;
  /** The newest file when it was opened; empty when there was none. */
  readonly #newest: string;
  #file: string | undefined;
  #handle: FileHandle | undefined;
  #size = 0;
  readonly #memory = new ReusableMemory();

  private constructor(folder: string, newest: string, end: ChainEnd, now: () => number) {
    this.folder = folder;
    this.#newest = newest;
    this.#end = end;
    this.#now = now;
  }

  /** Makes the folder and the reserve. Throws when it, or its newest file, cannot be written. */
  static async open(folder: string, end: ChainEnd, now: () => number): Promise<Journal> {
    await makeFolder(folder);
    await access(folder, constants.W_OK);
    const newest = (await journalFiles(folder)).at(-1) ?? '';
    if (newest !== '') await access(join(folder, newest), constants.W_OK);
    const journal = new Journal(folder, newest, end, now);
    await journal.#reserve();
    return journal;
  }

  get end(): ChainEnd {
    return this.#end;
  }

  /**
   * Appends one line; it is on the disk when this returns. The first line of a day also has all `cursors`, as they are
   * with this line, so that the state can be rebuilt when older files are removed. Throws StateError when another process
   * wrote to the file.
   */
  async append(
    sources: Readonly<Record<string, SourceRecord>>,
    cursors: Readonly<Record<string, SourceRecord>>,
  ): Promise<{ readonly position: Position; readonly bytes: number }> {
    const at = new Date(this.#now()).toISOString();
    const isNew = await this.#openDay(at.slice(0, 10));
    const commit = {
      seq: this.#end.seq + 1,
      at,
      prev: this.#end.hash,
      sources: isNew ? merged(cursors, sources) : sources,
    };
    const line = serializeLine(commit, this.#memory);
    const offset = this.#size;
    await this.#write(line);
    this.#end = { seq: commit.seq, hash: hashOf(line.subarray(0, -1)) };
    return { position: { file: this.#file ?? '', offset }, bytes: line.length };
  }

  /** Where it begins at present; undefined when it has no line, or the first one cannot be read. */
  async begin(): Promise<JournalBegin | undefined> {
    const [file] = await journalFiles(this.folder);
    const commit = file === undefined ? undefined : await firstCommit(this.folder, file);
    return file === undefined || commit === undefined ? undefined : { ...commit, file };
  }

  /** The file that takes the commits, when it is of a day to come. */
  get futureFile(): string | undefined {
    return this.#newest > fileOfDay(dayOf(this.#now())) ? join(this.folder, this.#newest) : undefined;
  }

  /**
   * Removes the files of days before this instant (epoch milliseconds), but never the newest. When `first` is in one of
   * them, it calls `note` before with where the journal will begin.
   */
  async removeBefore(
    instant: number,
    first: ChainStart | null,
    note: (start: JournalBegin) => Promise<void>,
  ): Promise<void> {
    const limit = fileOfDay(dayOf(instant));
    const files = await journalFiles(this.folder);
    const oldest = files.find((file) => file >= limit) ?? files.at(-1);
    if (oldest === undefined) return;
    if (first !== null && first.file < limit && first.file !== oldest) {
      const start = await firstCommit(this.folder, oldest);
      // Its first line was altered: the next day's file will do.
      if (start === undefined) return;
      await note({ ...start, file: oldest });
    }
    for (const file of files) if (file < oldest) await rm(join(this.folder, file), { force: true });
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  /** True when the file of the day has no line yet. A clock that was set back does not bring an older day back. */
  async #openDay(today: string): Promise<boolean> {
    const newest = this.#file ?? this.#newest;
    const ofToday = fileOfDay(today);
    const file = ofToday > newest ? ofToday : newest;
    if (file !== this.#file) {
      await this.#handle?.close();
      const { O_APPEND, O_CREAT, O_RDWR } = constants;
      const openFile = () => open(join(this.folder, file), O_RDWR | O_CREAT | O_APPEND, PRIVATE);
      this.#handle = await openFile().catch(async (error: unknown) => {
        await this.#giveUpReserve(error);
        return openFile();
      });
      this.#file = file;
      this.#size = (await this.#handle.stat()).size;
      if (this.#size === 0) await syncFolder(this.folder);
    }
    return this.#size === 0;
  }

  async #write(line: Buffer): Promise<void> {
    const handle = this.#handle;
    if (handle === undefined) throw new StateError('the journal is closed');
    const { size, nlink } = await handle.stat();
    if (size !== this.#size || nlink === 0) {
      const what = nlink === 0 ? 'was removed' : 'was written by another process';
      throw new StateError(`the journal file ${join(this.folder, this.#file ?? '')} ${what} during the run`);
    }
    try {
      await writeWhole(handle, line);
    } catch (error) {
      await handle.truncate(size);
      await this.#giveUpReserve(error);
      await writeWhole(handle, line).catch(async (again: unknown) => {
        await handle.truncate(size);
        throw again;
      });
    }
    await handle.datasync();
    this.#size += line.length;
  }

  /** Throws the error where space does not help. */
  async #giveUpReserve(error: unknown): Promise<void> {
    if (codeOf(error) !== 'ENOSPC' && codeOf(error) !== 'EDQUOT') throw error;
    await rm(join(this.folder, RESERVE), { force: true });
  }

  async #reserve(): Promise<void> {
    const file = join(this.folder, RESERVE);
    try {
      await writeFile(file, Buffer.alloc(RESERVE_BYTES), { flag: 'wx', mode: PRIVATE });
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return;
      await rm(file, { force: true });
      throw error;
    }
  }
}

function dayOf(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10);
}

/** With one write, nearly always. */
async function writeWhole(handle: FileHandle, line: Buffer): Promise<void> {
  for (let done = 0; done < line.length;) done += (await handle.write(line, done)).bytesWritten;
}

function merged(
  cursors: Readonly<Record<string, SourceRecord>>,
  sources: Readonly<Record<string, SourceRecord>>,
): Record<string, SourceRecord> {
  const all: Record<string, SourceRecord> = { ...cursors };
  for (const [name, record] of Object.entries(sources)) all[name] = { ...record, ...cursors[name] };
  return all;
}
