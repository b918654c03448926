import type { Config } from '../config/config.ts';
import type { Log } from '../lib/log.ts';
import type { World } from '../lib/world.ts';
import { StateStore } from '../state/state-store.ts';

/**
 * Opens and locks the state for a command that edits it without polling. Throws LockedError while a poll is running,
 * StateError when the state cannot be read or written.
 */
export async function openForEditing(config: Config, world: World, log: Log): Promise<StateStore> {
  return StateStore.open({
    file: config.stateFile,
    log,
    signal: world.signal,
    now: world.now,
    pause: world.pause,
    initialLastRun: new Date(config.since(world.now())).toISOString(),
    onFailure: () => undefined,
  });
}
