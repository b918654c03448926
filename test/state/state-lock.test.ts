import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { mkdir, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { LockedError } from '../../src/lib/errors.ts';
import { thisProcess, type ProcessIdentity } from '../../src/lib/process-identity.ts';
import { acquireLock, type Lock } from '../../src/state/state-lock.ts';
import { captureLog, type CapturedLog } from '../helpers/captured-log.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const KILLED: ProcessIdentity = { pid: 1, host: hostname(), boot: 'an earlier one', started: '1', since: 0 };
const ELSEWHERE: ProcessIdentity = { ...KILLED, host: 'elsewhere' };
/** A lock that is still waited for after so many looks at the clock is waited for too long. */
const MAX_LOOKS = 30;

class Place {
  readonly file: string;
  readonly lock: string;
  /** How far the test has moved the clock. */
  aheadMs = 0;
  onLook: () => void = () => undefined;
  #looks = 0;
  readonly #stop = new AbortController();

  constructor(folder: string) {
    this.file = join(folder, 'state.json');
    this.lock = `${this.file}.lock`;
  }

  /** A lock that somebody holds, and that was refreshed so long ago. */
  async held(by: ProcessIdentity, agoMs: number): Promise<void> {
    await mkdir(this.lock);
    await writeFile(`${this.file}.owner`, JSON.stringify(by));
    const at = new Date(Date.now() - agoMs);
    await utimes(this.lock, at, at);
  }

  acquire(log: CapturedLog = captureLog()): Promise<Lock> {
    const now = () => {
      if (++this.#looks > MAX_LOOKS) this.#stop.abort(new Error('waited too long'));
      this.onLook();
      return Date.now() + this.aheadMs;
    };
    return acquireLock(this.file, { log, signal: this.#stop.signal, now }, () => undefined);
  }
}

async function place(t: TestContext): Promise<Place> {
  return new Place(await temporaryFolder(t));
}

describe('the lock of the state file', () => {
  it('is taken over from a run that was killed, also where its clock was ahead', async (t) => {
    for (const agoMs of [5_000, -3_600_000]) {
      const there = await place(t);
      await there.held(KILLED, agoMs);
      const { predecessor, release } = await there.acquire();
      assert.deepEqual(predecessor, KILLED);
      await release();
      await assert.rejects(stat(there.lock));
    }
  });

  it('is not taken from a run that lives', async (t) => {
    const there = await place(t);
    await there.held(await thisProcess(Date.now()), 5_000);
    await assert.rejects(there.acquire(), LockedError);
  });

  it('is not taken from a run on another machine that refreshes it', async (t) => {
    const there = await place(t);
    await there.held(ELSEWHERE, 5_000);
    const log = captureLog(() => {
      const at = new Date();
      utimesSync(there.lock, at, at);
    });
    await assert.rejects(there.acquire(log), LockedError);
  });

  it('is not taken from a run on another machine, also where it was gone for a moment', async (t) => {
    const there = await place(t);
    await there.held(ELSEWHERE, 5_000);
    const log = captureLog(() => {
      // mkdir(2) finds it, stat(2) does not.
      rmSync(there.lock, { recursive: true });
      symlinkSync('nowhere', there.lock);
      let looks = 0;
      there.onLook = () => {
        if (++looks !== 3) return; // two looks at the clock end the round that found it, the third one the next
        rmSync(there.lock);
        mkdirSync(there.lock);
      };
    });
    await assert.rejects(there.acquire(log), LockedError);
    assert.equal(log.messages.length, 1);
  });

  it('is taken over from an unknown holder that did not refresh it for 13 seconds', async (t) => {
    const there = await place(t);
    await there.held(ELSEWHERE, 5_000);
    const log = captureLog(() => (there.aheadMs = 13_001));
    const { release } = await there.acquire(log);
    await release();
    assert.match(log.messages.join(), /checking whether its holder is still alive/);
  });
});
