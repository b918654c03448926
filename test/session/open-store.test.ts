import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import type { World } from '../../src/lib/world.ts';
import { startRun } from '../../src/lib/run.ts';
import { openStore } from '../../src/session/open-store.ts';
import { emptyBatch } from '../../src/state/batch.ts';
import { journalFiles, journalFolder } from '../../src/state/journal-files.ts';
import { newSource } from '../../src/state/state.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { MovedClock } from '../helpers/moved-clock.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

async function scene(t: TestContext, now: number) {
  const file = join(await temporaryFolder(t), 'state.json');
  const clock = new MovedClock(now);
  const log = captureLog();
  const world = { now: clock.now, pause: clock.pause, signal: new AbortController().signal };
  const config = readConfig({ 'state-file': file, since: '1h' }, {});
  const run = startRun(new AbortController().signal, Infinity, clock.monotonic);
  const open = async () => {
    const store = await openStore(config, world as object as World, log);
    t.after(() => store.close());
    return store;
  };
  const openForRun = async () => openStore(config, world as object as World, log, run);
  return { file, clock, log, run, open, openForRun };
}

describe('a state that a command edits', () => {
  it('starts over from --since where it cannot be read, and that is said', async (t) => {
    const { file, log, open } = await scene(t, Date.parse('2026-11-21T20:30:00Z'));
    await writeFile(file, '{');
    assert.equal((await open()).state.last_run, '2026-11-21T19:30:00.000Z');
    assert.match(log.messages[0] ?? '', /^warn: the state file .* cannot be read: it is not JSON; it is kept as /);
  });

  it('is waited for where a run that was killed has left its lock', async (t) => {
    const { file, clock, log, open } = await scene(t, Date.now());
    await mkdir(`${file}.lock`);
    await open();
    assert.match(log.messages[0] ?? '', /^info: waiting for the lock on .*state\.json: /);
    assert.ok(clock.pauses.length > 10);
  });
});

describe('a state that a run works with', () => {
  it('loses what is too old of its journal, which a command that edits it keeps', async (t) => {
    const { file, clock, open, openForRun } = await scene(t, Date.parse('2026-01-01T12:00:00Z'));
    const days = [];
    for (let nth = 0; nth < 3; nth++) {
      if (nth === 2) await (await open()).close();
      days.push(await journalFiles(journalFolder(file)));
      const store = await openForRun();
      if (nth === 1) clock.move(200 * 86_400_000);
      const cursor = new Date(clock.now()).toISOString();
      store.register('ionos/1', newSource(cursor));
      store.commit('ionos/1', { ...emptyBatch(), cursor, gap: 'something to say' });
      await store.flush();
      await store.close();
    }
    days.push(await journalFiles(journalFolder(file)));
    const [first, last] = ['2026-01-01.jsonl', '2026-07-20.jsonl'];
    assert.deepEqual(days, [[], [first], [first, last], [last]]);
  });

  it('ends the run where it cannot be written', async (t) => {
    const { file, run, openForRun } = await scene(t, Date.now());
    const store = await openForRun();
    t.after(() => store.close());
    await rm(file);
    await mkdir(file);
    await assert.rejects(store.flush(), { name: 'StateError' });
    assert.equal((run.signal.reason as Error).name, 'StateError');
  });
});
