import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import type { World } from '../../src/lib/world.ts';
import { openForEditing } from '../../src/session/edit-state.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { MovedClock } from '../helpers/moved-clock.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

async function scene(t: TestContext, now: number) {
  const file = join(await temporaryFolder(t), 'state.json');
  const clock = new MovedClock(now);
  const log = captureLog();
  const world = { now: clock.now, pause: clock.pause, signal: new AbortController().signal };
  const open = async () => {
    const store = await openForEditing(
      readConfig({ 'state-file': file, since: '1h' }, {}),
      world as object as World,
      log,
    );
    t.after(() => store.close());
    return store;
  };
  return { file, clock, log, open };
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
