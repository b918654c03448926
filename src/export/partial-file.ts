import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError, ConfigError, LockedError, OutputError, codeOf, messageOf } from '../lib/errors.ts';
import { serializeRecord, type ExportRecord } from './progress-record.ts';
import type { ExportRange } from '../config/export-request.ts';
import { checkLeft, partOf, recordName, recordOf, sizeOf, targetOf, type Wanted } from '../partial-left.ts';
import { thisProcess, type ProcessIdentity } from '../lib/process-identity.ts';
import { emptyState, type State } from '../state/state.ts';
import { removeLeftovers } from '../state/state-file.ts';
import { writeDurably, type Store } from '../state/state-store.ts';

/** How far the export got is noted at most so often. */
const SAVE_INTERVAL_MS = 1_000;
/** Audit logs are not for everybody. */
const MODE = 0o600;

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
  #hasFailed = false;

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
        await removeLeftovers(recordName(part), left?.owner ?? undefined);
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
      // After a failure the last note stays: another one would fail, too, and hide why.
      if (this.#hasFailed) return;
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
    this.#hasFailed = true;
    return new OutputError(`cannot write ${this.name}: ${messageOf(error)}`, error);
  }
}
