import { dirname } from 'node:path';
import { writeDurably } from '../lib/durable-file.ts';
import { LockedError, StateError, codeOf, messageOf } from '../lib/errors.ts';
import type { Batch } from './batch.ts';
import { noteDelivered } from './source-progress.ts';
import { emptyState, oldestCursor, serializeState, stateOf, type State } from './state.ts';
import { acquireLock, type LockOptions } from './state-lock.ts';
import {
  expectRegularFile,
  generationOf,
  keepCopy,
  loadState,
  makeFolder,
  modifiedAt,
  realFile,
  removeLeftovers,
} from './state-file.ts';

/** Saves are gathered: at most one in this time, but for the last. */
const SAVE_INTERVAL_MS = 1_000;

export interface StateStoreOptions extends LockOptions {
  readonly file: string;
  /** Where a state that did not exist yet begins, RFC 3339: what comes up from then on is ours, also if this run fails. */
  readonly initialLastRun: string;
  /** Called when the lock was lost or a save failed: nothing printed from now on can be committed. */
  readonly onFailure: (error: StateError) => void;
}

/** What a run needs of the state; a look without lock and file (--peek) has one that keeps nothing. */
export interface Store {
  readonly state: State;
  /** When the file was written by the run before, in epoch milliseconds; 0 when there was none. */
  readonly previousSave: number;
  /** The events of this batch of a source were delivered. */
  commit(source: string, batch: Batch): void;
  /** Before more is printed: what was delivered some time ago must be saved. */
  catchUp(): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** A store that keeps nothing and reads nothing. */
export function emptyStore(now: () => number): Store {
  const nothing = () => Promise.resolve();
  const state = emptyState();
  return {
    state,
    previousSave: 0,
    commit: (source, batch) => noteDelivered(stateOf(source, state), batch, now()),
    catchUp: nothing,
    flush: nothing,
    close: nothing,
  };
}

/** The state file, held under its lock from open() to close(). */
export class StateStore implements Store {
  readonly state: State;
  readonly previousSave: number;
  readonly #file: string;
  readonly #options: StateStoreOptions;
  readonly #release: () => Promise<void>;
  #failure: StateError | undefined;
  #lastSave = 0;
  #unsavedSince: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();

  private constructor(
    file: string,
    state: State,
    previousSave: number,
    options: StateStoreOptions,
    release: () => Promise<void>,
  ) {
    this.#file = file;
    this.state = state;
    this.previousSave = previousSave;
    this.#options = options;
    this.#release = release;
  }

  /**
   * Locks, loads and writes the state file once, so that one that cannot be written is found before anything is
   * printed. Throws LockedError when another run holds it, StateError when it cannot be read or written.
   */
  static async open(options: StateStoreOptions): Promise<StateStore> {
    try {
      await makeFolder(dirname(options.file));
      const file = await realFile(options.file);
      await expectRegularFile(file);
      let onLockLost = (_: StateError): unknown => undefined;
      const { release, predecessor } = await acquireLock(file, options, (error) =>
        onLockLost(new StateError(`the lock of the state file ${file} was lost: ${messageOf(error)}`, error)),
      );
      try {
        await removeLeftovers(file, predecessor);
        const previousSave = (await modifiedAt(file)) ?? 0;
        const store = new StateStore(file, await loadState(file, options), previousSave, options, release);
        onLockLost = (error) => store.#fail(error);
        store.state.last_run ??= options.initialLastRun;
        await keepCopy(file);
        await store.#write(store.state.generation);
        return store;
      } catch (error) {
        await release();
        throw error;
      }
    } catch (error) {
      options.signal.throwIfAborted();
      throw error instanceof LockedError ? error : cannot('use', options.file, error);
    }
  }

  /** It is saved within SAVE_INTERVAL_MS. */
  commit(source: string, batch: Batch): void {
    noteDelivered(stateOf(source, this.state), batch, this.#options.now());
    this.#unsavedSince ??= this.#options.now();
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.flush().catch(() => undefined); // #fail has told it already
      },
      Math.max(0, this.#lastSave + SAVE_INTERVAL_MS - this.#options.now()),
    );
  }

  /** Before more is printed: what was delivered longer than SAVE_INTERVAL_MS ago must be saved. */
  async catchUp(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#unsavedSince !== undefined && this.#options.now() - this.#unsavedSince >= SAVE_INTERVAL_MS) {
      await this.flush();
    }
  }

  /** Saves now. Throws StateError when that fails: then nothing since the last save counts as delivered. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#saving = this.#saving.then(() => this.#save());
    await this.#saving;
  }

  /** Unlocks. Saves nothing. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#saving.catch(() => undefined);
    await this.#release();
  }

  async #save(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#unsavedSince = undefined;
    this.#lastSave = this.#options.now();
    try {
      await this.#write(this.state.generation);
    } catch (error) {
      throw this.#fail(cannot('write', this.#file, error));
    }
  }

  async #write(expected: number): Promise<void> {
    const onDisk = await generationOf(this.#file);
    if (onDisk !== undefined && onDisk !== expected) {
      throw new StateError(`another run wrote it meanwhile (generation ${onDisk} instead of ${expected})`);
    }
    this.state.generation = expected + 1;
    this.state.last_run = oldestCursor(Object.values(this.state.sources)) ?? this.state.last_run;
    await writeDurably(this.#file, serializeState(this.state));
  }

  #fail(error: StateError): StateError {
    this.#failure ??= error;
    this.#options.onFailure(this.#failure);
    return this.#failure;
  }
}

const ADVICE: Record<string, string> = {
  EACCES: 'run it as the user that owns it, or choose another with --state-file',
  EPERM: 'run it as the user that owns it, or choose another with --state-file',
  EROFS: 'the file system is read-only: choose another with --state-file',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
};

function cannot(verb: string, file: string, error: unknown): StateError {
  if (error instanceof StateError && error.message.includes(file)) return error;
  const advice = ADVICE[codeOf(error) ?? ''];
  return new StateError(
    `cannot ${verb} the state file ${file}: ${messageOf(error)}${advice === undefined ? '' : ` (${advice})`}`,
    error,
  );
}
