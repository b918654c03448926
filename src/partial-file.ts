import { open, readFile, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError, ConfigError, LockedError, OutputError, codeOf, messageOf } from './errors.ts';
import { differenceOf, parseRecord, serializeRecord, type ExportRecord } from './export-record.ts';
import type { ExportRange } from './export-request.ts';
import { isAlive, thisProcess, type ProcessIdentity } from './process-identity.ts';
import { InvalidStateError, emptyState, type State } from './state.ts';
import { removeLeftovers } from './state-file.ts';
import { writeDurably, type Store } from './state-store.ts';

/** How far the export got is noted at most so often. */
const SAVE_INTERVAL_MS = 1_000;
/** Audit logs are not for everybody. */
const MODE = 0o600;

type Wanted = Pick<ExportRecord, 'range' | 'parameters'>;

/**
 * An export's file while it is written: FILE.part takes the lines, FILE.part.json says how far it got, and only when
 * all is there it takes the name FILE. A run that was killed leaves both behind, and the next one goes on from there:
 * what was written after the last note is cut off again.
 */
export class PartialFile implements Store {
  readonly state: State;
  readonly previousSave = 0;
  /** Where the lines go until they are complete. */
  readonly name: string;
  readonly range: ExportRange;
  /** Whole lines, in bytes. */
  bytes: number;
  readonly #target: string;
  readonly #wanted: Wanted;
  readonly #owner: ProcessIdentity;
  readonly #handle: FileHandle;
  readonly #now: () => number;
  #lastSave: number;
  #isOpen = true;

  private constructor(
    target: string,
    left: ExportRecord,
    owner: ProcessIdentity,
    handle: FileHandle,
    now: () => number,
  ) {
    this.#target = target;
    this.name = partOf(target);
    this.#wanted = { range: left.range, parameters: left.parameters };
    this.range = left.range;
    this.bytes = left.bytes;
    this.state = left.state;
    this.#owner = owner;
    this.#handle = handle;
    this.#now = now;
    this.#lastSave = now();
  }

  /**
   * Begins FILE.part, or goes on with it. Throws ConfigError when that cannot be, or when it is of another export, and
   * LockedError when another process is writing it.
   */
  static async open(file: string, wanted: Wanted, now: () => number): Promise<PartialFile> {
    try {
      const target = await targetOf(file);
      const part = partOf(target);
      const owner = await thisProcess(now());
      const size = await sizeOf(part);
      const left = size === undefined ? undefined : await recordOf(part, size);
      if (left !== undefined) await checkLeft(left, part, size ?? 0, wanted);
      const handle = await open(part, size === undefined ? 'wx' : 'r+', MODE);
      try {
        await removeLeftovers(recordName(part));
        const record = left ?? { bytes: 0, owner: null, state: emptyState(), ...wanted };
        const partial = new PartialFile(target, record, owner, handle, now);
        await handle.truncate(partial.bytes);
        await partial.flush();
        return partial;
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      if (error instanceof AppError) throw error;
      if (codeOf(error) === 'EEXIST') throw new LockedError(`another export has just begun to write ${file}`);
      throw new ConfigError(`--output: cannot write ${file}: ${messageOf(error)}`);
    }
  }

  /** Appends whole lines. Throws OutputError when they cannot be written; then none of them counts. */
  async print(lines: Buffer): Promise<number> {
    try {
      for (let done = 0; done < lines.length;) {
        done += (await this.#handle.write(lines, done, lines.length - done, this.bytes + done)).bytesWritten;
      }
    } catch (error) {
      throw this.#cannotWrite(error);
    }
    this.bytes += lines.length;
    return lines.length;
  }

  changed(): void {
    // What was written is noted by catchUp, before more is.
  }

  async catchUp(): Promise<void> {
    if (this.#now() - this.#lastSave >= SAVE_INTERVAL_MS) await this.flush();
  }

  /** Notes how far it got. The lines are on the disk before the note is. */
  async flush(): Promise<void> {
    await this.#save(this.#owner);
  }

  /** All is there: gives the file its name. */
  async complete(): Promise<void> {
    try {
      await this.#handle.sync();
      await rename(this.name, this.#target);
      const folder = await open(dirname(this.#target));
      await folder.sync().finally(() => folder.close());
      await rm(recordName(this.name), { force: true });
    } catch (error) {
      throw this.#cannotWrite(error);
    }
    this.#isOpen = false;
    await this.#handle.close();
  }

  /** Lets go of the file; without complete() before, another run may go on with it. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      await this.#handle.truncate(this.bytes);
      await this.#save(null);
    } finally {
      await this.#handle.close();
    }
  }

  async #save(owner: ProcessIdentity | null): Promise<void> {
    this.#lastSave = this.#now();
    const text = serializeRecord({ bytes: this.bytes, owner, ...this.#wanted, state: this.state });
    try {
      await this.#handle.datasync();
      await writeDurably(recordName(this.name), text);
    } catch (error) {
      throw this.#cannotWrite(error);
    }
  }

  #cannotWrite(error: unknown): OutputError {
    return new OutputError(`cannot write ${this.name}: ${messageOf(error)}`, error);
  }
}

function partOf(target: string): string {
  return `${target}.part`;
}

function recordName(part: string): string {
  return `${part}.json`;
}

/** Where the file will stand, symbolic links resolved: what a link leads to is replaced, not the link. */
async function targetOf(file: string): Promise<string> {
  try {
    const target = await realpath(file);
    if ((await stat(target)).isFile()) return target;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return file;
    throw error;
  }
  throw new ConfigError(`--output: ${file} is no regular file; without --output the events go to stdout`);
}

async function sizeOf(part: string): Promise<number | undefined> {
  try {
    return (await stat(part)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The note beside a partial file; undefined when nothing was written before the run was killed. */
async function recordOf(part: string, size: number): Promise<ExportRecord | undefined> {
  let text: string;
  try {
    text = await readFile(recordName(part), 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    if (size === 0) return undefined;
    throw new ConfigError(`--output: ${part} is in the way, and without ${recordName(part)} it cannot be gone on with`);
  }
  try {
    return parseRecord(text);
  } catch (error) {
    if (!(error instanceof InvalidStateError)) throw error;
    throw new ConfigError(`--output: ${recordName(part)} cannot be read: ${error.message}; ${beginAnew(part)}`);
  }
}

async function checkLeft(left: ExportRecord, part: string, size: number, wanted: Wanted): Promise<void> {
  const { owner } = left;
  if (owner !== null && owner.pid !== process.pid && (await isAlive(owner)) === true) {
    throw new LockedError(`another export is writing ${part}: process ${owner.pid}`);
  }
  const difference = differenceOf(left, wanted);
  if (difference !== undefined) {
    throw new ConfigError(
      `--output: ${part} is a part of another export (${difference}): finish that one with its own options, ` +
        `choose another name, or ${beginAnew(part)}`,
    );
  }
  if (size < left.bytes) {
    throw new ConfigError(`--output: ${part} has ${size} bytes, and ${left.bytes} were written; ${beginAnew(part)}`);
  }
}

/** What to do when a partial export is of no use. */
export function beginAnew(part: string): string {
  return `remove ${part} and ${recordName(part)} to begin anew`;
}
