import type { Config } from '../config/config.ts';
import { ConfigError, ExitCode, StateError } from '../lib/errors.ts';
import { createLog } from '../lib/log.ts';
import type { World } from '../lib/world.ts';
import { openStore } from '../session/open-store.ts';
import { modifiedAt } from '../state/state-file.ts';

/**
 * Retires a source that the token no longer sees: it disappears from status and metrics, and the journal notes it, so
 * that a rebuilt state does not have it, either. Throws ConfigError for a source that is not in the state, StateError
 * when there is no state file, LockedError while a poll is running.
 */
export async function forget(config: Config, world: World, source = ''): Promise<ExitCode> {
  const log = createLog({ ...world.log, level: config.logLevel });
  const { stateFile } = config;
  if ((await modifiedAt(stateFile)) === undefined) throw new StateError(`there is no state file ${stateFile}`);
  const store = await openStore(config, world, log);
  try {
    const { sources } = store.state;
    const known = sources[source];
    if (known === undefined || !Object.hasOwn(sources, source)) {
      const names = Object.keys(sources).join(', ');
      throw new ConfigError(`the state file ${stateFile} has no source "${source}" (it has: ${names || 'none'})`);
    }
    store.forget(source);
    await store.flush();
    log.info(
      `${source} was forgotten; its cursor was ${known.cursor}. If the token sees it again, it starts as a new source`,
    );
  } finally {
    await store.close();
  }
  return ExitCode.Done;
}
