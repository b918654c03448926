import { parseInstant } from '../lib/duration.ts';
import { StateError, codeOf, messageOf } from '../lib/errors.ts';
import { emptyBatch } from './batch.ts';
import { HourCounts } from './hour-counts.ts';
import { Journal } from './journal.ts';
import { journalFolder } from './journal-files.ts';
import { loadJournal } from './load-journal.ts';
import type { RecentLines } from './recent-lines.ts';
import type { State } from './state.ts';
import { loadState, modifiedAt } from './state-file.ts';
import type { LockOptions } from './state-lock.ts';
import { Uncommitted } from './uncommitted.ts';

/** Where the state is, and how it is kept. */
export interface StateStoreOptions extends LockOptions {
  readonly file: string;
  /** Where a new state starts, RFC 3339: events from then on are wanted, even if this run fails. */
  readonly initialLastRun: string;
  /** How many days the journal is kept; forever when undefined. */
  readonly journalDays?: number | undefined;
  /** Called when the lock was lost or a save failed: nothing printed from now on can be committed. */
  readonly onFailure: (error: StateError) => void;
}

/** The state as it was found, and the journal that it continues in. */
export interface Opened {
  readonly file: string;
  readonly state: State;
  readonly previousSave: number;
  /** Up to when any source was polled before, in epoch milliseconds; 0 when none was. */
  readonly lastPoll: number;
  readonly journal: Journal;
  readonly recent: RecentLines;
  /** It was written by a version without a journal. */
  readonly isOld: boolean;
}

/** Loads the state file and its journal, under the lock. Throws what reading or making them throws. */
export async function openState(file: string, options: StateStoreOptions): Promise<Opened> {
  const folder = journalFolder(file);
  const previousSave = (await modifiedAt(file)) ?? 0;
  const { state, isOld, isBroken } = await loadState(file, options);
  const { end, recent } = await loadJournal(folder, state, options.log, isOld);
  if (isBroken && end.seq === 0) {
    options.log.error('there is no journal beside it, either: starting over from --since; use redeliver for the gap');
  }
  if (state.generation === 0 && end.seq > 0) {
    const what = isBroken ? 'the state' : `there was no state file ${file}: it`;
    options.log.warn(
      `${what} was rebuilt from the journal ${folder}. Deleting it does not deliver anything again; ` +
        'the redeliver command does',
    );
  }
  state.last_run ??= options.initialLastRun;
  const journal = await Journal.open(folder, end, options.now);
  if (journal.futureFile !== undefined) {
    options.log.warn(
      `the journal file ${journal.futureFile} is dated in the future: this machine's clock was ahead, or is behind ` +
        'now. Commits are appended to it until that day is over',
    );
  }
  const polled = Object.values(state.sources).map(
    ({ cursor, last_attempt }) => parseInstant(cursor) ?? parseInstant(last_attempt ?? '') ?? 0,
  );
  return { file, state, previousSave, lastPoll: Math.max(0, ...polled), journal, recent, isOld };
}

/** Makes the journal's first line from the ids that version 1 kept in the state file. */
export async function takeOver({ state, journal, recent }: Opened): Promise<void> {
  const uncommitted = new Uncommitted();
  for (const [name, source] of Object.entries(state.sources)) {
    const batch = { ...emptyBatch(), partial: [...source.partial] };
    source.hours = new HourCounts();
    for (const [key, keepUntil] of source.seen.entries()) {
      batch.entries.push({ key, keepUntil, kind: 'delivered' });
      source.hours.add(keepUntil);
    }
    // They were counted by keys that events do not have any more.
    source.strikes = {};
    uncommitted.register(name, source);
    uncommitted.add(name, batch);
  }
  const line = uncommitted.take(state);
  const isInJournal = journal.end.seq > 0;
  if (isInJournal || line === undefined) return;
  const { position, bytes } = await journal.append(line.sources, {});
  recent.add({ ...position, bytes, newest: line.newest });
}

const ADVICE: Record<string, string> = {
  EACCES: 'run it as the user that owns it, or choose another with --state-file',
  EPERM: 'run it as the user that owns it, or choose another with --state-file',
  EROFS: 'the file system is read-only: choose another with --state-file',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EBUSY: 'it is mounted on its own, so it cannot be replaced: mount its folder instead',
};

/** What went wrong with the state, and what to do. */
export function cannot(verb: string, file: string, error: unknown): StateError {
  if (error instanceof StateError && error.message.includes(file)) return error;
  const advice = ADVICE[codeOf(error) ?? ''];
  return new StateError(
    `cannot ${verb} the state file ${file} or its journal: ${messageOf(error)}${advice === undefined ? '' : ` (${advice})`}`,
    error,
  );
}
