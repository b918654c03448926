import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { EventId } from '../../src/events/event-id.ts';
import { StateError } from '../../src/lib/errors.ts';
import { emptyBatch } from '../../src/state/batch.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { newSource } from '../../src/state/state.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { MovedClock } from '../helpers/moved-clock.ts';
import { moveTimers } from '../helpers/moved-timers.ts';
import { idsIn, journalLines } from '../helpers/saved-state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const SOURCE = 'ionos/31721060';
const START = '2026-11-21T20:00:00Z';

/** An open store whose timers fire when the test says so. */
async function openStore(t: TestContext) {
  const file = join(await temporaryFolder(t), 'state.json');
  const clock = new MovedClock('2026-11-21T20:30:00Z');
  const failures: StateError[] = [];
  const store = await StateStore.open({
    file,
    log: captureLog(),
    signal: new AbortController().signal,
    now: clock.now,
    pause: clock.pause,
    initialLastRun: START,
    onFailure: (error) => failures.push(error),
  });
  t.after(() => store.close());
  store.register(SOURCE, newSource(START));
  await store.flush();
  const timers = moveTimers(t);
  const before = journalLines(file).length;
  return {
    store,
    file,
    clock,
    failures,
    commit: (n: number) => {
      const entry = { key: new EventId(1, 2, 3, n, 7), keepUntil: n, kind: 'delivered' as const };
      store.commit(SOURCE, { ...emptyBatch(), entries: [entry] });
    },
    move: (ms: number) => {
      clock.move(ms);
      timers.tick(ms);
    },
    /** How many events each line has that was written since. */
    lines: () =>
      journalLines(file)
        .slice(before)
        .map(({ sources }) => idsIn(sources[SOURCE]?.delivered).length),
  };
}

describe('the state store', () => {
  it('puts what was delivered on the disk within a second, what came in that second in one line', async (t) => {
    const { commit, move, lines } = await openStore(t);
    commit(1);
    move(999);
    await setImmediate();
    commit(2);
    assert.deepEqual(lines(), []);
    move(1);
    while (lines().length === 0) await setImmediate();
    assert.deepEqual(lines(), [2]);
  });

  it('lets nothing more be printed while something that was delivered a second ago is not on the disk', async (t) => {
    const { store, commit, clock, lines } = await openStore(t);
    commit(1);
    clock.move(999);
    await store.catchUp();
    assert.deepEqual(lines(), []);
    clock.move(1);
    await store.catchUp();
    assert.deepEqual(lines(), [1]);
  });

  it('does not wait longer where the clock was set back', async (t) => {
    const { store, commit, clock, lines } = await openStore(t);
    commit(1);
    clock.move(-3_600_000);
    await store.catchUp();
    assert.deepEqual(lines(), [1]);
  });

  it('does not write over what another run wrote, and commits nothing from then on', async (t) => {
    const { store, file, failures } = await openStore(t);
    const others = (await readFile(file, 'utf8')).replace(/"generation":\d+/, '"generation":99');
    await writeFile(file, others);
    await assert.rejects(store.flush(), /another run wrote the state file .*\(generation 99 instead of 2\)/);
    assert.equal(await readFile(file, 'utf8'), others);
    assert.equal(failures.length, 1);
    await assert.rejects(store.catchUp(), StateError);
  });
});
