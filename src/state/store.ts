import type { Batch } from './batch.ts';
import { noteDelivered } from './source-progress.ts';
import { emptyState, stateOf, type SourceState, type State } from './state.ts';

/** The state as a run uses it. With --peek, there is no lock and no file, and it keeps nothing. */
export interface Store {
  readonly state: State;
  /** When the previous run wrote the state, in epoch milliseconds; 0 when there was none. */
  readonly previousSave: number;
  /** The journal's folder; undefined where there is none. */
  readonly journalFolder: string | undefined;
  /** Adds a source that was never polled. */
  register(name: string, source: SourceState): void;
  /** Notes that a batch of a source was delivered. */
  commit(source: string, batch: Batch): void;
  /** Called before more is printed: what was delivered some time ago must be on the disk. */
  catchUp(): Promise<void>;
  /** Puts everything on the disk, including the snapshot. */
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
