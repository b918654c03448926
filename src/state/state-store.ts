import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeDurably } from '../lib/durable-file.ts';
import { LockedError, StateError, codeOf, messageOf } from '../lib/errors.ts';
import { append, emptyBatch, type Batch } from './batch.ts';
import { toRecord } from './batch-record.ts';
import { HourCounts } from './hour-counts.ts';
import { Journal } from './journal.ts';
import { journalFolder } from './journal-files.ts';
import type { SourceRecord } from './journal-line.ts';
import { loadJournal } from './load-journal.ts';
import type { RecentLines } from './recent-lines.ts';
import { noteDelivered } from './source-progress.ts';
import {
  emptyState,
  forgetSource,
  oldestCursor,
  serializeState,
  startOf,
  stateOf,
  type SourceState,
  type State,
} from './state.ts';
import {
  expectRegularFile,
  generationOf,
  loadState,
  makeFolder,
  modifiedAt,
  realFile,
  removeLeftovers,
} from './state-file.ts';
import { acquireLock, type LockOptions } from './state-lock.ts';

/** Commits are gathered: at most one in this time, but for the last. */
const SAVE_INTERVAL_MS = 1_000;
/** So much journal is read again at most after a run was killed. */
const SNAPSHOT_BYTES = 8 * 1024 * 1024;

export interface StateStoreOptions extends LockOptions {
  readonly file: string;
  /** Where a state that did not exist yet begins, RFC 3339: what comes up from then on is ours, also if this run fails. */
  readonly initialLastRun: string;
  /** How many days the journal is kept; forever when undefined. */
  readonly journalDays?: number;
  /** Called when the lock was lost or a save failed: nothing printed from now on can be committed. */
  readonly onFailure: (error: StateError) => void;
}

/** What a run needs of the state; a look without lock and file (--peek) has one that keeps nothing. */
export interface Store {
  readonly state: State;
  /** When the state was written by the run before, in epoch milliseconds; 0 when there was none. */
  readonly previousSave: number;
  /** The journal's folder; undefined where there is none. */
  readonly journalFolder: string | undefined;
  /** Adds a source that was never polled. */
  register(name: string, source: SourceState): void;
  /** The events of this batch of a source were delivered. */
  commit(source: string, batch: Batch): void;
  /** Before more is printed: what was delivered some time ago must be on the disk. */
  catchUp(): Promise<void>;
  /** Puts everything on the disk, the snapshot included. */
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
    journalFolder: undefined,
    register: (name, source) => void (state.sources[name] = source),
    commit: (source, batch) => noteDelivered(stateOf(source, state), batch, now()),
    catchUp: nothing,
    flush: nothing,
    close: nothing,
  };
}

/** What open() found and holds. */
interface Opened {
  readonly file: string;
  readonly state: State;
  readonly previousSave: number;
  readonly journal: Journal;
  readonly recent: RecentLines;
  readonly release: () => Promise<void>;
}

/**
 * The journal and its snapshot, the state file, held under the lock from open() to close(). A commit is one line of the
 * journal; the snapshot follows from time to time, and never runs ahead of it.
 */
export class StateStore implements Store {
  readonly state: State;
  readonly previousSave: number;
  readonly journalFolder: string;
  readonly #opened: Opened;
  readonly #options: StateStoreOptions;
  /** What was delivered and is not in the journal yet. */
  #uncommitted = new Map<string, Batch>();
  #registered = new Map<string, SourceState>();
  #forgotten = new Set<string>();
  /** The cursors that the journal has of the sources that it names in this run. */
  readonly #journaled = new Map<string, string>();
  #bytesSinceSnapshot = 0;
  #failure: StateError | undefined;
  #lastSave = -Infinity;
  #unsavedSince: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();

  private constructor(opened: Opened, options: StateStoreOptions) {
    this.#opened = opened;
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
    const folder = journalFolder(file);
    const previousSave = (await modifiedAt(file)) ?? 0;
    const { state, isOld, isBroken } = await loadState(file, options);
    const { end, recent } = await loadJournal(folder, state, options.log, isOld);
    if (isBroken && end.seq === 0) {
      options.log.error(
        'there is no journal beside it, either: starting over from --since; use export to fetch the gap',
      );
    }
    if (state.generation === 0 && end.seq > 0) {
      options.log.warn(
        `there was no state file ${file}: it was rebuilt from the journal ${folder}. Deleting it does not deliver ` +
          'anything again; the redeliver command does',
      );
    }
    state.last_run ??= options.initialLastRun;
    const journal = await Journal.open(folder, end, options.now);
    const store = new StateStore({ file, state, previousSave, journal, recent, release }, options);
    try {
      if (isOld) await store.#takeOver();
      await store.#snapshot();
      if (isOld) await rm(`${file}.bak`, { force: true });
    } catch (error) {
      await journal.close();
      throw error;
    }
    return store;
  }

  register(name: string, source: SourceState): void {
    this.state.sources[name] = source;
    this.#registered.set(name, source);
  }

  /** Retires a source, with what is pending or queued of it: the journal says so as well, so that it stays retired. */
  forget(name: string): void {
    forgetSource(name, this.state);
    this.#uncommitted.delete(name);
    this.#registered.delete(name);
    this.#forgotten.add(name);
  }

  /** It is on the disk within SAVE_INTERVAL_MS. */
  commit(source: string, batch: Batch): void {
    const { now } = this.#options;
    noteDelivered(stateOf(source, this.state), batch, now());
    const waiting = this.#uncommitted.get(source);
    if (waiting === undefined) this.#uncommitted.set(source, copyOf(batch));
    else append(waiting, batch);
    if (batch.entries.length === 0 && batch.gap === null) return;
    this.#unsavedSince ??= now();
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#save(false).catch(() => undefined); // #fail has said it already
      },
      Math.min(SAVE_INTERVAL_MS, Math.max(0, this.#lastSave + SAVE_INTERVAL_MS - now())),
    );
  }

  async catchUp(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const since = this.#unsavedSince;
    if (since !== undefined && Math.abs(this.#options.now() - since) >= SAVE_INTERVAL_MS) await this.#save(false);
  }

  /** Throws StateError when that fails: then nothing since the last commit counts as delivered. */
  async flush(): Promise<void> {
    await this.#save(true);
  }

  /** Unlocks. Saves nothing. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#saving.catch(() => undefined);
    const { journalDays } = this.#options;
    try {
      if (journalDays !== undefined && this.#failure === undefined)
        await this.#opened.journal.removeOlderThan(journalDays);
    } finally {
      await this.#opened.journal.close();
      await this.#opened.release();
    }
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
    const sources: Record<string, SourceRecord> = {};
    const newest = new Map<string, number>();
    for (const name of this.#forgotten) sources[name] = { forgotten: true };
    for (const [name, { cursor, start }] of this.#registered) sources[name] = { ...sources[name], cursor, start };
    for (const [name, batch] of this.#uncommitted) {
      const { cursor } = stateOf(name, this.state);
      const before = this.#journaled.get(name);
      // The cursors of sources without events are in the snapshot: an idle poll appends nothing.
      const isIdle = batch.entries.length === 0 && batch.gap === null;
      if (isIdle && (before === undefined || before === cursor)) continue;
      sources[name] = { ...sources[name], ...toRecord(batch) };
      this.#journaled.set(name, cursor);
      for (const { keepUntil, kind } of batch.entries) {
        if (kind === 'delivered' || kind === 'excluded') newest.set(name, Math.max(keepUntil, newest.get(name) ?? 0));
      }
    }
    const hasSources = Object.keys(sources).length > 0;
    this.#uncommitted = new Map();
    this.#registered = new Map();
    this.#forgotten = new Set();
    if (!hasSources) return;
    const { position, bytes } = await this.#opened.journal.append(sources, () => this.#cursors());
    this.#opened.recent.add({ ...position, newest });
    this.#bytesSinceSnapshot += bytes;
  }

  #cursors(): Record<string, SourceRecord> {
    const all: Record<string, SourceRecord> = {};
    for (const [name, { cursor, start, partial }] of Object.entries(this.state.sources)) {
      all[name] = { cursor, start, ...(partial.length > 0 ? { partial } : {}) };
    }
    return all;
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
    while (this.#uncommitted.size + this.#registered.size + this.#forgotten.size > 0) await this.#append();
    const oldest = recent.oldestNeeded((name) => {
      const source = state.sources[name];
      return source === undefined ? Infinity : startOf(source);
    });
    state.journal = { ...journal.end, known_from: oldest ?? null };
    state.generation++;
    state.last_run = oldestCursor(Object.values(state.sources)) ?? state.last_run;
    await writeDurably(file, serializeState(state));
    this.#bytesSinceSnapshot = 0;
  }

  /** The ids that version 1 kept in the state file become the journal's first line. */
  async #takeOver(): Promise<void> {
    const sources: Record<string, SourceRecord> = {};
    const newest = new Map<string, number>();
    for (const [name, source] of Object.entries(this.state.sources)) {
      const batch = { ...emptyBatch(), cursor: source.cursor, partial: [...source.partial] };
      source.hours = new HourCounts();
      for (const [key, keepUntil] of source.seen.entries()) {
        batch.entries.push({ key, keepUntil, kind: 'delivered' });
        source.hours.add(keepUntil);
        newest.set(name, Math.max(keepUntil, newest.get(name) ?? 0));
      }
      sources[name] = { ...toRecord(batch), start: source.start };
    }
    const isInJournal = this.#opened.journal.end.seq > 0;
    if (isInJournal || Object.keys(sources).length === 0) return;
    const { position } = await this.#opened.journal.append(sources, () => ({}));
    this.#opened.recent.add({ ...position, newest });
  }

  #fail(error: StateError): StateError {
    this.#failure ??= error;
    this.#options.onFailure(this.#failure);
    return this.#failure;
  }
}

function copyOf(batch: Batch): Batch {
  const copy = emptyBatch();
  append(copy, batch);
  return copy;
}

const ADVICE: Record<string, string> = {
  EACCES: 'run it as the user that owns it, or choose another with --state-file',
  EPERM: 'run it as the user that owns it, or choose another with --state-file',
  EROFS: 'the file system is read-only: choose another with --state-file',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EBUSY: 'it is mounted on its own, so it cannot be replaced: mount its folder instead',
};

function cannot(verb: string, file: string, error: unknown): StateError {
  if (error instanceof StateError && error.message.includes(file)) return error;
  const advice = ADVICE[codeOf(error) ?? ''];
  return new StateError(
    `cannot ${verb} the state file ${file} or its journal: ${messageOf(error)}${advice === undefined ? '' : ` (${advice})`}`,
    error,
  );
}
