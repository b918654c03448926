import type { Config } from '../config/config.ts';
import type { Log } from '../lib/log.ts';
import type { Run } from '../lib/run.ts';
import type { World } from '../lib/world.ts';
import { StateStore } from '../state/state-store.ts';

/**
 * Opens and locks the state, for a run or, without one, for a command that only edits it. Throws LockedError while
 * another run holds the lock, StateError when the state cannot be read or written.
 */
export async function openStore(config: Config, world: World, log: Log, run?: Run): Promise<StateStore> {
  return StateStore.open({
    file: config.stateFile,
    log,
    signal: run?.signal ?? world.signal,
    now: world.now,
    pause: world.pause,
    onFailure: (error) => run?.abort(error),
    journalDays: run === undefined ? undefined : config.journalDays,
    initialLastRun: new Date(config.since(world.now())).toISOString(),
  });
}
