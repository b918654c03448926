import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseInstant } from '../lib/duration.ts';
import { writeDurably } from '../lib/durable-file.ts';
import { LockedError, StateError, messageOf } from '../lib/errors.ts';
import type { Batch } from './batch.ts';
import type { JournalBegin } from './journal.ts';
import { cannot, openState, takeOver, type Opened, type StateStoreOptions } from './open-state.ts';
import { noteDelivered } from './source-progress.ts';
import {
  cursorsOf,
  forgetSource,
  oldestCursor,
  serializeState,
  stateOf,
  type SourceState,
  type State,
} from './state.ts';
import { expectRegularFile, generationOf, makeFolder, realFile, removeLeftovers } from './state-file.ts';
import { acquireLock } from './state-lock.ts';
import type { Store } from './store.ts';
import { Uncommitted } from './uncommitted.ts';

/** Commits are gathered: at most one is written in this time, except for the last. */
const SAVE_INTERVAL_MS = 1_000;
/** So many ids are not made to wait, but for a page: a line of about 1 MB. With lines of a second, memory grew by 12 MB. */
const MAX_UNCOMMITTED_IDS = 20_000;
/** At most this much journal must be read again after a run was killed. */
const SNAPSHOT_BYTES = 8 * 1024 * 1024;
const DAY_MS = 86_400_000;

/**
 * The journal and its snapshot, the state file, held under the lock from open() to close(). A commit is one line of the
 * journal; the snapshot follows from time to time, and never runs ahead of it.
 */
export class StateStore implements Store {
  readonly state: State;
  readonly previousSave: number;
  readonly journalFolder: string;
  readonly #opened: Opened;
  readonly #release: () => Promise<void>;
  readonly #options: StateStoreOptions;
  readonly #uncommitted = new Uncommitted();
  #bytesSinceSnapshot = 0;
  #failure: StateError | undefined;
  #lastSave = -Infinity;
  #unsavedSince: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();

  private constructor(opened: Opened, release: () => Promise<void>, options: StateStoreOptions) {
    this.#opened = opened;
    this.#release = release;
    this.state = opened.state;
    this.previousSave = opened.previousSave;
    this.journalFolder = opened.journal.folder;
    this.#options = options;
  }

  /**
   * Locks, loads, and writes the snapshot once, so that a disk that takes nothing is found before anything is printed.
   * Throws LockedError when another run holds the lock, StateError when something cannot be read or written.
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
        const store = await StateStore.#load(file, options, release);
        onLockLost = (error) => store.#fail(error);
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

  static async #load(file: string, options: StateStoreOptions, release: () => Promise<void>): Promise<StateStore> {
    const opened = await openState(file, options);
    const store = new StateStore(opened, release, options);
    try {
      if (opened.isOld) await takeOver(opened);
      await store.#snapshot();
      if (opened.isOld) await rm(`${file}.bak`, { force: true });
    } catch (error) {
      await opened.journal.close();
      throw error;
    }
    return store;
  }

  register(name: string, source: SourceState): void {
    this.state.sources[name] = source;
    this.#uncommitted.register(name, source);
  }

  /** Retires a source, with what is pending or queued of it. The journal has that, too, so that it stays retired. */
  forget(name: string): void {
    forgetSource(name, this.state);
    this.#uncommitted.forget(name);
  }

  /** It is on the disk within SAVE_INTERVAL_MS. */
  commit(source: string, batch: Batch): void {
    const { now } = this.#options;
    noteDelivered(stateOf(source, this.state), batch, now());
    this.#uncommitted.add(source, batch);
    if (batch.entries.length === 0 && batch.gap === null) return;
    this.#unsavedSince ??= now();
    this.#timer ??= setTimeout(
      () => void this.#save(false).catch(() => undefined), // #fail has reported it
      Math.min(SAVE_INTERVAL_MS, Math.max(0, this.#lastSave + SAVE_INTERVAL_MS - now())),
    );
  }

  async catchUp(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const since = this.#unsavedSince;
    const isDue = since !== undefined && Math.abs(this.#options.now() - since) >= SAVE_INTERVAL_MS;
    if (isDue || this.#uncommitted.ids >= MAX_UNCOMMITTED_IDS) await this.#save(false);
  }

  /** Throws StateError when it fails: then nothing since the last commit counts as delivered. */
  async flush(): Promise<void> {
    await this.#save(true);
  }

  /** Removes what is too old of the journal, and unlocks. Otherwise, it saves nothing. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#saving.catch(() => undefined);
    const { journalDays, now } = this.#options;
    const { journal, lastPoll } = this.#opened;
    try {
      // A clock that is ahead in this run must not have the journal removed.
      if (journalDays !== undefined && this.#failure === undefined)
        await journal.removeBefore(
          Math.min(now(), lastPoll) - journalDays * DAY_MS,
          this.state.journal.first,
          async (start) => {
            this.#beginAt(start);
            await this.flush();
          },
        );
    } finally {
      await journal.close();
      await this.#release();
    }
  }

  /** Notes where the journal begins, and since when it has the events of each source. */
  #beginAt({ seq, file, at }: JournalBegin): void {
    this.state.journal = { ...this.state.journal, first: { seq, file } };
    if (seq === 1) return;
    // A clock that was ahead may have written the line.
    const second = Math.ceil(Math.min(parseInstant(at) ?? 0, this.#options.now()) / 1000);
    for (const source of Object.values(this.state.sources)) source.journal_from = Math.max(source.journal_from, second);
  }

  async #save(withSnapshot: boolean): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#saving = this.#saving.then(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        await this.#append();
        if (withSnapshot || this.#bytesSinceSnapshot >= SNAPSHOT_BYTES) await this.#snapshot();
      } catch (error) {
        throw this.#fail(cannot('write', this.#opened.file, error));
      }
    });
    await this.#saving;
  }

  /** Everything that is not in the journal yet becomes one line; nothing when there is nothing to say. */
  async #append(): Promise<void> {
    this.#unsavedSince = undefined;
    this.#lastSave = this.#options.now();
    const line = this.#uncommitted.take(this.state);
    if (line === undefined) return;
    const { position, bytes } = await this.#opened.journal.append(line.sources, cursorsOf(this.state));
    this.#uncommitted.written(line.sources);
    this.#opened.recent.add({ ...position, bytes, newest: line.newest });
    this.#bytesSinceSnapshot += bytes;
  }

  async #snapshot(): Promise<void> {
    const { file, journal, recent } = this.#opened;
    const { state } = this;
    const onDisk = await generationOf(file);
    if (onDisk !== undefined && onDisk !== state.generation) {
      throw new StateError(
        `another run wrote the state file ${file} meanwhile (generation ${onDisk} instead of ${state.generation})`,
      );
    }
    // Pages are delivered while the disk is written to: what is not in the journal would count twice after a crash.
    while (!this.#uncommitted.isEmpty) await this.#append();
    const begin = state.journal.first === null ? await journal.begin() : undefined;
    if (begin !== undefined) this.#beginAt(begin);
    state.journal = { ...state.journal, ...journal.end, known_from: recent.oldestNeeded(state.sources) ?? null };
    state.generation++;
    state.last_run = oldestCursor(Object.values(state.sources)) ?? state.last_run;
    await writeDurably(
      file,
      serializeState(state, (source) => recent.keptUntil(source)),
    );
    this.#bytesSinceSnapshot = 0;
  }

  #fail(error: StateError): StateError {
    this.#failure ??= error;
    this.#options.onFailure(this.#failure);
    return this.#failure;
  }
}
