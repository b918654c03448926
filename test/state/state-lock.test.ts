import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { mkdir, readFile, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { LockedError } from '../../src/lib/errors.ts';
import { thisProcess, type ProcessIdentity } from '../../src/lib/process-identity.ts';
import { acquireLock, type Lock } from '../../src/state/state-lock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { captureLog, type CapturedLog } from '../helpers/captured-log.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { skipPause } from '../helpers/test-client.ts';

const KILLED: ProcessIdentity = { pid: 1, host: hostname(), boot: 'an earlier one', started: '1', since: 0 };
const ELSEWHERE: ProcessIdentity = { ...KILLED, host: 'elsewhere' };
/** A lock that is still waited for after so many pauses is waited for too long. */
const MAX_PAUSES = 10;

class Place {
  readonly file: string;
  readonly lock: string;
  /** The clock stands still, but for what the test moves it. */
  readonly #now = Date.now();
  aheadMs = 0;
  /** What happens in each pause, by its number. */
  onPause: (nth: number) => void = () => undefined;
  #pauses = 0;

  constructor(folder: string) {
    this.file = join(folder, 'state.json');
    this.lock = `${this.file}.lock`;
  }

  /** A lock that somebody holds, and that was refreshed so long ago. */
  async held(by: ProcessIdentity, agoMs: number): Promise<void> {
    await mkdir(this.lock);
    await writeFile(`${this.file}.owner`, JSON.stringify(by));
    const at = new Date(this.#now - agoMs);
    await utimes(this.lock, at, at);
  }

  acquire(log: CapturedLog = captureLog()): Promise<Lock> {
    const now = () => this.#now + this.aheadMs;
    const pause: Clock['pause'] = async (ms, signal) => {
      if (++this.#pauses > MAX_PAUSES) throw new Error('waited too long');
      this.onPause(this.#pauses);
      return skipPause(ms, signal);
    };
    return acquireLock(this.file, { log, signal: new AbortController().signal, now, pause }, () => undefined);
  }
}

async function place(t: TestContext): Promise<Place> {
  return new Place(await temporaryFolder(t));
}

describe('the lock of the state file', () => {
  it('says who holds it, in a file that is gone with it', async (t) => {
    const there = await place(t);
    const { release, predecessor } = await there.acquire();
    assert.equal(predecessor, undefined);
    const { pid } = JSON.parse(await readFile(`${there.file}.owner`, 'utf8')) as ProcessIdentity;
    assert.equal(pid, process.pid);
    assert.equal((await stat(`${there.file}.owner`)).mode & 0o777, 0o600);
    await release();
    assert.deepEqual(await readdir(join(there.file, '..')), []);
  });

  it('is given back at once where its holder cannot be noted', async (t) => {
    const there = await place(t);
    await mkdir(`${there.file}.owner`);
    await assert.rejects(there.acquire(), { code: 'EISDIR' });
    await assert.rejects(stat(there.lock), { code: 'ENOENT' });
  });

  it('cannot be taken where there is no folder, and the reason is passed on', async (t) => {
    const there = new Place(join(await temporaryFolder(t), 'nowhere'));
    await assert.rejects(there.acquire(), { code: 'ENOENT' });
  });

  it('that is gone when it is released ends no run', async (t) => {
    const there = await place(t);
    const log = captureLog();
    const { release } = await there.acquire(log);
    await release();
    await release();
    assert.match(log.messages.join(), /^debug: releasing the lock on .*state\.json: .+/);
  });

  it('of a run that was killed is waited for until it is 3 seconds old', async (t) => {
    const there = await place(t);
    await there.held(KILLED, 0);
    const log = captureLog();
    let waited = 0;
    there.onPause = (nth) => {
      waited = nth;
      if (nth === 2) there.aheadMs = 2_000;
      if (nth === 4) there.aheadMs = 3_500;
    };
    const { release } = await there.acquire(log);
    await release();
    assert.deepEqual(
      [waited, log.messages],
      [4, [`info: waiting for the lock on ${there.file}: it was left behind by a run that was killed`]],
    );
  });

  it('names its holder to a second run', async (t) => {
    const there = await place(t);
    await there.held(await thisProcess(Date.now()), 0);
    await assert.rejects(there.acquire(), {
      name: 'LockedError',
      message: new RegExp(`^another run holds the lock on ${there.file}: .*${process.pid}`),
    });
  });

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
    there.onPause = () => {
      const at = new Date();
      utimesSync(there.lock, at, at);
    };
    await assert.rejects(there.acquire(), LockedError);
  });

  it('is not taken from a run on another machine, also where it was gone for a moment', async (t) => {
    const there = await place(t);
    await there.held(ELSEWHERE, 5_000);
    const log = captureLog();
    there.onPause = (nth) => {
      if (nth === 1) {
        // mkdir(2) finds it, stat(2) does not.
        rmSync(there.lock, { recursive: true });
        symlinkSync('nowhere', there.lock);
      } else {
        rmSync(there.lock);
        mkdirSync(there.lock);
      }
    };
    await assert.rejects(there.acquire(log), LockedError);
    assert.equal(log.messages.length, 1);
  });

  it('is taken over from an unknown holder that did not refresh it for 13 seconds', async (t) => {
    const there = await place(t);
    await there.held(ELSEWHERE, 5_000);
    const log = captureLog();
    there.onPause = () => (there.aheadMs = 13_001);
    const { release } = await there.acquire(log);
    await release();
    assert.match(log.messages.join(), /checking whether its holder is still alive/);
  });
});
