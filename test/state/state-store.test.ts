import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import lockfile from 'proper-lockfile';
import { EventId } from '../../src/events/event-id.ts';
import { StateError } from '../../src/lib/errors.ts';
import { Stopped } from '../../src/lib/run.ts';
import { emptyBatch } from '../../src/state/batch.ts';
import { journalFolder } from '../../src/state/journal-files.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { newSource } from '../../src/state/state.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { MovedClock } from '../helpers/moved-clock.ts';
import { moveTimers } from '../helpers/moved-timers.ts';
import { idsIn, journalLines, savedState } from '../helpers/saved-state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const SOURCE = 'ionos/31721060';
const START = '2026-11-21T20:00:00Z';

/** An open store whose timers fire when the test says so. */
async function openStore(t: TestContext, existing?: string) {
  const file = existing ?? join(await temporaryFolder(t), 'state.json');
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
  // The timers of this process are moved once.
  const timers = existing === undefined ? moveTimers(t) : undefined;
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
      timers?.tick(ms);
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

  it('puts it there within a second also after a save', async (t) => {
    const { store, commit, move, lines } = await openStore(t);
    commit(1);
    await store.flush();
    commit(2);
    move(1_000);
    while (lines().length < 2) await setImmediate();
    assert.deepEqual(lines(), [1, 1]);
  });

  it('puts there within a second what the API did not return, and nothing for a poll without events', async (t) => {
    const { store, file, move, lines } = await openStore(t);
    store.commit(SOURCE, { ...emptyBatch(), cursor: '2026-11-21T20:29:00Z' });
    move(1_000);
    await setImmediate();
    assert.deepEqual(lines(), []);
    store.commit(SOURCE, { ...emptyBatch(), gap: 'the API counts more' });
    move(1_000);
    while (lines().length === 0) await setImmediate();
    assert.match(JSON.stringify(journalLines(file).at(-1)), /"gap":"the API counts more"/);
  });

  it('has the events of a source from its start on where the journal begins with its first commit', async (t) => {
    const { store } = await openStore(t);
    const { journal, sources } = store.state;
    assert.deepEqual([journal.first?.seq, sources[SOURCE]?.journal_from], [1, Date.parse(START) / 1000]);
  });

  it('that is stopped while it waits for the lock says so, and blames nothing on the state', async (t) => {
    const file = join(await temporaryFolder(t), 'state.json');
    await mkdir(`${file}.lock`);
    const stop = new AbortController();
    const reason = new Stopped('stopped by SIGTERM');
    const clock = new MovedClock(Date.now());
    const pause = (ms: number, signal: AbortSignal) => {
      stop.abort(reason);
      return clock.pause(ms, signal);
    };
    const options = { file, log: captureLog(), signal: stop.signal, now: clock.now, pause, initialLastRun: START };
    await assert.rejects(StateStore.open({ ...options, onFailure: assert.ifError }), reason);
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

  it('counts that second from what is not on the disk yet', async (t) => {
    const { store, commit, clock, lines } = await openStore(t);
    commit(1);
    await store.flush();
    clock.move(2_000);
    commit(2);
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

  it('that cannot write says so once, and nothing that was printed from then on can be committed', async (t) => {
    const { store, file, commit, failures } = await openStore(t);
    await rm(join(journalFolder(file), '2026-11-21.jsonl'));
    commit(1);
    const lost =
      /^StateError: the journal file .*2026-11-21\.jsonl was removed during the run|cannot write the state file/;
    await assert.rejects(store.flush(), lost);
    await assert.rejects(store.flush(), lost);
    await assert.rejects(store.catchUp(), lost);
    assert.ok(failures.length >= 1);
    assert.equal(new Set(failures).size, 1);
  });

  it('whose lock was lost commits nothing more', async (t) => {
    const { store, failures, file } = await openStore(t);
    const lock = t.mock.method(lockfile, 'lock');
    await store.close();
    const other = await openStore(t, file);
    const { onCompromised } = lock.mock.calls[0]?.arguments[1] ?? {};
    onCompromised?.(new Error('it was stolen'));
    assert.deepEqual(failures, []);
    assert.deepEqual(
      other.failures.map(({ message }) => message),
      [`the lock of the state file ${file} was lost: it was stolen`],
    );
    await assert.rejects(other.store.flush(), /was lost: it was stolen/);
  });

  it('gives its lock back when it cannot be opened', async (t) => {
    const { store, file } = await openStore(t);
    await store.close();
    await writeFile(file, '{"version":99}');
    for (let nth = 0; nth < 2; nth++) {
      await assert.rejects(openStore(t, file), {
        name: 'StateError',
        message: /a newer one wrote it; it is left as it is$/,
      });
      assert.equal(existsSync(`${file}.lock`), false);
    }
  });

  it('knows when the run before it saved', async (t) => {
    const { store, file } = await openStore(t);
    assert.equal(store.previousSave, 0);
    await store.close();
    const { mtimeMs } = await stat(file);
    assert.equal((await openStore(t, file)).store.previousSave, mtimeMs);
  });

  it('that is open is held: a second one says who has it', async (t) => {
    const { file } = await openStore(t);
    await assert.rejects(openStore(t, file), { name: 'LockedError' });
  });

  it('does not let what is printed run ahead of the disk by more than 20,000 events', async (t) => {
    const { store, lines } = await openStore(t);
    const entry = { key: new EventId(1, 2, 3, 4, 7), keepUntil: 1, kind: 'delivered' as const };
    const page = (count: number) => ({ ...emptyBatch(), entries: Array<typeof entry>(count).fill(entry) });
    store.commit(SOURCE, page(19_999));
    await store.catchUp();
    assert.deepEqual(lines(), []);
    store.commit(SOURCE, page(1));
    await store.catchUp();
    assert.deepEqual(lines(), [20_000]);
  });

  it('has at most 8 MB of journal behind its file, so that a start after a kill reads no more', async (t) => {
    const { store, file } = await openStore(t);
    const entry = { key: new EventId(1, 2, 3, 4, 7), keepUntil: 1, kind: 'delivered' as const };
    const generations = new Set<number>();
    for (let megabyte = 0; megabyte < 12; megabyte++) {
      store.commit(SOURCE, { ...emptyBatch(), entries: Array<typeof entry>(20_000).fill(entry) });
      await store.catchUp();
      generations.add(savedState(file).generation);
    }
    assert.deepEqual([...generations], [2, 3]);
  });

  it('is read next time from the line on that has what may come again, and no further back', async (t) => {
    const { store, file } = await openStore(t);
    const start = Date.parse(START) / 1000;
    for (const [n, forgetBefore] of [[1, null], [2, start + 2], [3, null]] as const) {
      const entry = { key: new EventId(1, 2, 3, n, 7), keepUntil: start + n, kind: 'delivered' as const };
      store.commit(SOURCE, { ...emptyBatch(), entries: [entry], forget_before: forgetBefore });
      await store.flush();
    } // prettier-ignore
    const journal = await readFile(join(journalFolder(file), '2026-11-21.jsonl'), 'utf8');
    assert.equal(journal.slice(savedState(file).journal?.known_from?.offset).split('\n').length - 1, 2);
  });

  it('replaces nothing that is not a file', async (t) => {
    const file = join(await temporaryFolder(t), 'state.json');
    await mkdir(file);
    await assert.rejects(openStore(t, file), {
      name: 'StateError',
      message: `${file} is not a regular file; use --peek to run without state`,
    });
  });

  it('keeps the oldest cursor where the Python fetcher would continue', async (t) => {
    const { store, file } = await openStore(t);
    store.register('ionos/2', newSource('2026-11-21T19:00:00Z'));
    await store.flush();
    assert.equal(savedState(file).last_run, '2026-11-21T19:00:00.000000+00:00');
    store.forget('ionos/2');
    await store.flush();
    const { last_run, generation, sources } = savedState(file);
    assert.deepEqual([last_run, generation], ['2026-11-21T20:00:00.000000+00:00', 4]);
    assert.deepEqual(Object.keys(sources), [SOURCE]);
    assert.deepEqual(journalLines(file).at(-1)?.sources, { 'ionos/2': { forgotten: true } });
  });
});
