import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { EventId } from '../../src/events/event-id.ts';
import { EventIdMap } from '../../src/events/event-id-map.ts';
import { emptyBatch, type Entry, type EntryKind } from '../../src/state/batch.ts';
import { JournalledIds, forEachLine, journalledIds } from '../../src/state/journalled-ids.ts';
import { newSource } from '../../src/state/state.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { MovedClock } from '../helpers/moved-clock.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const SOURCE = 'ionos/31721060';
const START_S = Date.parse('2026-11-21T20:28:20Z') / 1000;
const ids = [0, 1, 2].map((n) => new EventId(n, n, n, n, n));
const [first, second, third] = ids as [EventId, EventId, EventId];

/** The folder of a journal that has these batches, each in a line of its own. */
async function journalWith(t: TestContext, ...batches: readonly (readonly Entry[])[]): Promise<string> {
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
  t.after(() => store.close());
  for (const source of [SOURCE, 'ionos/other']) store.register(source, newSource('2026-11-21T20:00:00Z'));
  for (const entries of batches) {
    store.commit(SOURCE, { ...emptyBatch(), entries: [...entries] });
    await store.flush();
  }
  store.commit('ionos/other', { ...emptyBatch(), entries: [entry(new EventId(9, 9, 9, 9, 9), 'delivered')] });
  await store.flush();
  return store.journalFolder;
}

const entry = (key: EventId, kind: EntryKind, after = 0): Entry => ({ key, keepUntil: START_S + after, kind });

describe('what the journal has of a range', () => {
  const range = { source: SOURCE, from: START_S, to: START_S + 2 };

  it('has its first second, and not its end, and nothing of other sources', async (t) => {
    const folder = await journalWith(
      t,
      ids.map((key, n) => entry(key, 'delivered', n)),
    );
    const found = await journalledIds(folder, range);
    assert.deepEqual(
      ids.map((id) => found.has(id)),
      [true, true, false],
    );
    assert.equal(found.has(new EventId(9, 9, 9, 9, 9)), false);
  });

  it('is what was delivered, left out and set aside; what was delivered again is apart', async (t) => {
    const folder = await journalWith(
      t,
      [entry(first, 'excluded'), entry(second, 'set_aside')],
      [entry(third, 'redelivered')],
    );
    const found = await journalledIds(folder, { ...range, since_seq: 0 });
    assert.deepEqual(
      ids.map((id) => found.takeDelivered(id, true)),
      [true, true, false],
    );
    assert.deepEqual(
      ids.map((id) => found.takeRedelivered(id, true)),
      [false, false, true],
    );
    assert.deepEqual(
      [true, false, false].map((isNamed) => found.takeRedelivered(third, isNamed)),
      [true, true, false],
      'an id counts any number of times, and a hash as often as it is there',
    );
  });

  it('counts what was delivered again only from a commit on, however old what was delivered is', async (t) => {
    const folder = await journalWith(
      t,
      [entry(first, 'delivered'), entry(second, 'redelivered')],
      [entry(third, 'redelivered')],
    );
    const found = await journalledIds(folder, { ...range, since_seq: 1 });
    assert.deepEqual(
      [found.has(first), ...[second, third].map((id) => found.takeRedelivered(id, true))],
      [true, false, true],
    );
  });

  it('takes what was delivered after the commit for delivered again: it was missing, and the run was stopped', async (t) => {
    const folder = await journalWith(t, [entry(first, 'delivered')], [entry(second, 'delivered')]);
    const again = async (since_seq?: number) => {
      const found = await journalledIds(folder, { ...range, ...(since_seq === undefined ? {} : { since_seq }) });
      return [first, second].map((id) => found.takeRedelivered(id, true));
    };
    assert.deepEqual([await again(1), await again()], [[false, true], [false, false]]); // prettier-ignore
  });

  it('can be narrowed to some ids, and added to what was found before', async (t) => {
    const folder = await journalWith(t, [entry(first, 'delivered'), entry(second, 'delivered')]);
    const before = new JournalledIds();
    before.add(third, 'delivered');
    const only = new EventIdMap();
    only.add(second, 0);
    const found = await journalledIds(folder, range, before, only);
    assert.deepEqual(
      ids.map((id) => found.has(id)),
      [false, true, true],
    );
  });

  it('is what can be read: a line that was altered and one that was torn are passed over', async (t) => {
    const folder = await journalWith(t, [entry(first, 'delivered')], [entry(second, 'delivered')]);
    const file = join(folder, '2026-11-21.jsonl');
    const [one = '', two = ''] = (await readFile(file, 'utf8')).split('\n');
    await writeFile(file, `${one.replace('{"seq"', '["seq"')}\n${two}\n${one}`);
    const found = await journalledIds(folder, range);
    assert.deepEqual([found.has(first), found.has(second)], [false, true]);
    await assert.rejects(
      forEachLine(folder, () => {
        throw new Error('of the visitor');
      }),
      /of the visitor/,
    );
  });

  it('has an event without an id as often as it was delivered, and gives each out once', () => {
    for (const kind of ['delivered_unnamed', 'redelivered'] as const) {
      const found = new JournalledIds();
      for (let n = 0; n < 2; n++) found.add(first, kind);
      const take = () =>
        kind === 'redelivered' ? found.takeRedelivered(first, false) : found.takeDelivered(first, false);
      assert.deepEqual([take(), take(), take()], [true, true, false], kind);
      assert.equal(found.has(first), false);
    }
  });
});
