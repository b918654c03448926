import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { EventId } from '../../src/events/event-id.ts';
import { emptyBatch } from '../../src/state/batch.ts';
import { journalledIds } from '../../src/state/journalled-ids.ts';
import { newSource } from '../../src/state/state.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { MovedClock } from '../helpers/moved-clock.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

it('a range of the journal has its first second, and not its end', async (t) => {
  const clock = new MovedClock('2026-11-21T20:30:00Z');
  const store = await StateStore.open({
    file: join(await temporaryFolder(t), 'state.json'),
    log: captureLog(),
    signal: new AbortController().signal,
    now: clock.now,
    pause: clock.pause,
    initialLastRun: '2026-11-21T20:00:00Z',
    onFailure: assert.ifError,
  });
  const source = 'ionos/31721060';
  store.register(source, newSource('2026-11-21T20:00:00Z'));
  const second = Math.floor(clock.now() / 1000) - 100;
  const ids = [0, 1, 2].map((n) => new EventId(n, n, n, n, n));
  store.commit(source, {
    ...emptyBatch(),
    entries: ids.map((key, n) => ({ key, keepUntil: second + n, kind: 'delivered' as const })),
  });
  await store.flush();
  const { journalFolder } = store;
  await store.close();
  const found = await journalledIds(journalFolder, { source, from: second, to: second + 2 });
  assert.deepEqual(
    ids.map((id) => found.has(id)),
    [true, true, false],
  );
});
