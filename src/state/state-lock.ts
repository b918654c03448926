import lockfile from 'proper-lockfile';
import { rm, rmdir, writeFile } from 'node:fs/promises';
import type { Clock } from '../lib/clock.ts';
import { PRIVATE } from '../lib/durable-file.ts';
import { LockedError, codeOf, messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { describeOwner, isAlive, readOwner, thisProcess, type ProcessIdentity } from '../lib/process-identity.ts';
import { modifiedAt } from './state-file.ts';

/** A lock that was not refreshed for this long is taken over, whoever holds it. */
const STALE_MS = 10_000;
/** A live holder refreshes its lock once a second. The lock of a dead one on this machine is taken over sooner. */
const REFRESH_MS = 1_000;
const DEAD_HOLDER_MS = 3_000;
const LOCK_POLL_MS = 200;

export interface LockOptions {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly now: Clock['now'];
  readonly pause: Clock['pause'];
}

export interface Lock {
  readonly release: () => Promise<void>;
  /** Who held the lock before and did not release it. */
  readonly predecessor: ProcessIdentity | undefined;
}

/**
 * Locks a file, with `<file>.lock` (a folder) beside it and, for those who wait, its holder in `<file>.owner`. When the
 * holder may be dead, waits until that is certain and takes the lock over. Throws LockedError when the holder is alive,
 * and the signal's reason once it is aborted. `onCompromised` is called when the lock is lost.
 */
export async function acquireLock(
  file: string,
  { log, signal, now, pause }: LockOptions,
  onCompromised: (error: Error) => void,
): Promise<Lock> {
  const folder = `${file}.lock`;
  const ownerFile = `${file}.owner`;
  let seen: number | undefined;
  const begun = now();
  for (;;) {
    try {
      const release = await lockfile.lock(file, {
        realpath: false,
        stale: STALE_MS,
        update: REFRESH_MS,
        onCompromised,
      });
      const giveBack = async () => {
        const note = (error: unknown) => log.debug(`releasing the lock on ${file}: ${messageOf(error)}`);
        await rm(ownerFile, { force: true }).catch(note);
        await release().catch(note);
      };
      try {
        const predecessor = await readOwner(ownerFile);
        await writeFile(ownerFile, `${JSON.stringify(await thisProcess(now()))}\n`, { mode: PRIVATE });
        return { release: giveBack, predecessor };
      } catch (error) {
        await giveBack();
        throw error;
      }
    } catch (error) {
      if (codeOf(error) !== 'ELOCKED') throw error;
    }
    const owner = await readOwner(ownerFile);
    const alive = owner === undefined ? undefined : await isAlive(owner);
    const refreshed = await modifiedAt(folder);
    if (alive === true || (seen !== undefined && refreshed !== undefined && refreshed !== seen)) {
      throw new LockedError(`another run holds the lock on ${file}: ${describeOwner(owner, now())}`);
    }
    if (seen === undefined) {
      const why =
        alive === false ? 'it was left behind by a run that was killed' : 'checking whether its holder is still alive';
      log.info(`waiting for the lock on ${file}: ${why}`);
    }
    seen = refreshed ?? seen;
    // A time in the future counts as old, too: the clock may have been wrong after a power cut.
    const isOld = refreshed !== undefined && Math.abs(now() - refreshed) > DEAD_HOLDER_MS;
    if (alive === false ? isOld : now() - begun > STALE_MS + DEAD_HOLDER_MS) {
      await rmdir(folder).catch(() => undefined); // another waiting run was faster
      continue;
    }
    await pause(LOCK_POLL_MS, signal);
  }
}
