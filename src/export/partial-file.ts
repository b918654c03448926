import { statSync } from 'node:fs';
import { open, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ExportRange } from '../config/export-request.ts';
import { AppError, ConfigError, LockedError, OutputError, codeOf, messageOf } from '../lib/errors.ts';
import { toLines, type EventSlice } from '../events/event.ts';
import { PRIVATE, appendDurably, syncFolder, writeDurably } from '../lib/durable-file.ts';
import { ifThere } from '../lib/read-file.ts';
import { thisProcess, type ProcessIdentity } from '../lib/process-identity.ts';
import type { Batch } from '../state/batch.ts';
import { noteDelivered } from '../state/source-progress.ts';
import { emptyState, stateOf, type SourceState, type State } from '../state/state.ts';
import { removeLeftovers } from '../state/state-file.ts';
import type { Store } from '../state/store.ts';
import {
  assertResumable,
  readRecord,
  recordName,
  serializeRecord,
  type ExportKey,
  type SourceTally,
} from './progress-record.ts';

/** Progress is recorded at most this often. */
const SAVE_INTERVAL_MS = 1_000;

/** What a partial file starts with. */
interface Beginning {
  readonly target: string;
  readonly key: ExportKey;
  readonly bytes: number;
  readonly state: State;
  readonly tallies: Record<string, SourceTally>;
  readonly owner: ProcessIdentity;
  readonly handle: FileHandle;
  readonly now: () => number;
}

/**
 * An export's file while it is written: FILE.part takes the lines, FILE.part.json records how far it got. FILE.part is
 * renamed to FILE when it is complete. A run that was killed leaves both behind, and the next one resumes from the
 * record: lines written after it are cut off.
 */
export class PartialFile implements Store {
  readonly state: State;
  readonly previousSave = 0;
  readonly journalFolder = undefined;
  /** Where the lines go until they are complete. */
  readonly name: string;
  /** Whole lines, in bytes. */
  bytes: number;
  /** Recorded with the lines, for the run that resumes the export. */
  range: ExportRange;
  readonly tallies: Record<string, SourceTally>;
  readonly #start: Beginning;
  #lastSave = 0;
  #isOpen = true;
  #hasFailed = false;

  private constructor(start: Beginning) {
    this.#start = start;
    this.name = partOf(start.target);
    this.bytes = start.bytes;
    this.range = start.key.range;
    this.state = start.state;
    this.tallies = start.tallies;
  }

  /**
   * Starts FILE.part, or resumes it. Throws ConfigError when it cannot be written or belongs to a different export,
   * LockedError when another process is writing it.
   */
  static async open(
    file: string,
    key: ExportKey,
    { isForced, now }: { readonly isForced: boolean; readonly now: () => number },
  ): Promise<PartialFile> {
    try {
      const target = await resolveTarget(file);
      const part = partOf(target);
      if (!isForced && (sizeOf(target) ?? 0) > 0) {
        throw new ConfigError(`--output: ${file} exists; choose another name, or replace it with --force`);
      }
      const owner = await thisProcess(now());
      const size = sizeOf(part);
      const left = size === undefined ? undefined : await readRecord(part, size);
      if (left !== undefined) await assertResumable(left, part, size ?? 0, key);
      const handle = await open(part, size === undefined ? 'wx' : 'r+', PRIVATE);
      try {
        await removeLeftovers(recordName(part), left?.owner ?? undefined);
        const { bytes, state, tallies, ...usedKey } = left ?? { bytes: 0, state: emptyState(), tallies: {}, ...key };
        const partial = new PartialFile({ target, key: usedKey, bytes, state, tallies, owner, handle, now });
        await handle.truncate(partial.bytes);
        await partial.flush();
        return partial;
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      if (error instanceof AppError) throw error;
      if (codeOf(error) === 'EEXIST') throw new LockedError(`another export has just started to write ${file}`);
      throw new ConfigError(`--output: cannot write ${file}: ${messageOf(error)}`);
    }
  }

  get target(): string {
    return this.#start.target;
  }

  /** Appends whole lines. Throws OutputError when they cannot be written; then none of them counts. */
  async print(lines: Buffer): Promise<number> {
    try {
      for (let done = 0; done < lines.length;) {
        const { bytesWritten } = await this.#start.handle.write(lines, done, lines.length - done, this.bytes + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw this.#cannotWrite(error);
    }
    this.bytes += lines.length;
    return lines.length;
  }

  get rejectedFile(): string {
    return `${this.target}.rejected.jsonl`;
  }

  /** Stores what is in the place of events. Throws OutputError when it cannot. */
  async reject(bad: readonly EventSlice[]): Promise<void> {
    try {
      await appendDurably(this.rejectedFile, toLines(bad));
    } catch (error) {
      throw new OutputError(`cannot write ${this.rejectedFile}: ${messageOf(error)}`, error);
    }
  }

  register(name: string, source: SourceState): void {
    this.state.sources[name] = source;
  }

  /** catchUp records it before more is written. */
  commit(source: string, batch: Batch): void {
    noteDelivered(stateOf(source, this.state), batch, this.#start.now());
  }

  async catchUp(): Promise<void> {
    if (this.#start.now() - this.#lastSave >= SAVE_INTERVAL_MS) await this.flush();
  }

  /** Records how far it got. The lines are on the disk before the record is. */
  async flush(): Promise<void> {
    await this.#save(this.#start.owner);
  }

  async complete(): Promise<void> {
    const { target, handle } = this.#start;
    try {
      await handle.sync();
      await rename(this.name, target);
      await syncFolder(dirname(target));
      await rm(recordName(this.name), { force: true });
    } catch (error) {
      throw this.#cannotWrite(error);
    }
    this.#isOpen = false;
    await handle.close();
  }

  /** Nothing will come: removes what there is of it. */
  async discard(): Promise<void> {
    this.#isOpen = false;
    await this.#start.handle.close();
    await rm(this.name, { force: true });
    await rm(recordName(this.name), { force: true });
  }

  /** Releases the file; unless it was completed, another run can resume it. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { handle } = this.#start;
    try {
      // After a failure the last record stays: another write would fail, too, and hide the reason.
      if (this.#hasFailed) return;
      await this.#save(null);
    } finally {
      await handle.close();
    }
  }

  async #save(owner: ProcessIdentity | null): Promise<void> {
    this.#lastSave = this.#start.now();
    const { parameters } = this.#start.key;
    const text = serializeRecord({
      bytes: this.bytes,
      owner,
      range: this.range,
      parameters,
      tallies: this.tallies,
      state: this.state,
    });
    try {
      await this.#start.handle.datasync();
      await writeDurably(recordName(this.name), text);
    } catch (error) {
      throw this.#cannotWrite(error);
    }
  }

  #cannotWrite(error: unknown): OutputError {
    this.#hasFailed = true;
    return new OutputError(`cannot write ${this.name}: ${messageOf(error)}`, error);
  }
}

function partOf(target: string): string {
  return `${target}.part`;
}

/** The file to be replaced: the target of a symbolic link, not the link. */
async function resolveTarget(file: string): Promise<string> {
  const target = await ifThere(realpath(file));
  if (target === undefined) return file;
  if ((await stat(target)).isFile()) return target;
  throw new ConfigError(`--output: ${file} is not a regular file; without --output the events go to stdout`);
}

/** The file's size; undefined when there is no such file. */
function sizeOf(part: string): number | undefined {
  return statSync(part, { throwIfNoEntry: false })?.size;
}
