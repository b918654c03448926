import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventId } from '../../src/events/event-id.ts';
import { emptyBatch, type Entry } from '../../src/state/batch.ts';
import { emptyState, newSource } from '../../src/state/state.ts';
import { Uncommitted } from '../../src/state/uncommitted.ts';

const SOURCE = 'ionos/1';
const START = '2026-11-21T20:00:00Z';

function entry(n: number, kind: Entry['kind'] = 'delivered', keepUntil = n): Entry {
  return { key: new EventId(1, 2, 3, n, 5), keepUntil, kind };
}

function scene() {
  const state = emptyState();
  state.sources[SOURCE] = newSource(START);
  const uncommitted = new Uncommitted();
  return { state, uncommitted, take: () => uncommitted.take(state)?.sources };
}

describe("the journal's next line", () => {
  it('is none for a source that delivers nothing more', () => {
    const { uncommitted, take } = scene();
    uncommitted.add(SOURCE, { ...emptyBatch(), entries: [entry(1)] });
    assert.deepEqual(Object.keys(take() ?? {}), [SOURCE]);
    uncommitted.add(SOURCE, emptyBatch());
    assert.equal(take(), undefined);
  });

  it('is none for a source that has delivered nothing yet, wherever its cursor is', () => {
    const { state, uncommitted, take } = scene();
    uncommitted.add(SOURCE, { ...emptyBatch(), cursor: '2026-11-21T20:01:00Z' });
    state.sources[SOURCE] = newSource('2026-11-21T20:01:00Z');
    assert.equal(take(), undefined);
  });

  it('has what a source without events says nevertheless: a gap, or part of a page', () => {
    const { uncommitted, take } = scene();
    uncommitted.add(SOURCE, { ...emptyBatch(), gap: 'the API counts more' });
    assert.equal(take()?.[SOURCE]?.gap, 'the API counts more');
    uncommitted.add(SOURCE, { ...emptyBatch(), partial: ['x'] });
    assert.deepEqual(take()?.[SOURCE]?.partial, ['x']);
  });

  it('has all that a source delivered since the last, and the newest second that may come again', () => {
    const { state, uncommitted } = scene();
    const other = [entry(3, 'delivered_unnamed', 900), entry(4, 'redelivered', 901)];
    uncommitted.add(SOURCE, { ...emptyBatch(), entries: [entry(1, 'delivered', 30), entry(2, 'excluded', 20)] });
    uncommitted.add(SOURCE, { ...emptyBatch(), entries: other, cursor: '2026-11-21T20:01:00Z' });
    assert.deepEqual([uncommitted.ids, uncommitted.isEmpty], [4, false]);
    const line = uncommitted.take(state);
    const { ids, cursor } = line?.sources[SOURCE] ?? {};
    assert.deepEqual([...(ids?.keys() ?? [])], ['delivered', 'excluded', 'delivered_unnamed', 'redelivered']);
    assert.equal(cursor, '2026-11-21T20:01:00Z');
    assert.deepEqual([...(line?.newest ?? [])], [[SOURCE, 30]]);
    assert.deepEqual([uncommitted.ids, uncommitted.isEmpty, uncommitted.take(state)], [0, true, undefined]);
  });

  it('has no newest second where nothing may come again', () => {
    const { state, uncommitted } = scene();
    uncommitted.add(SOURCE, { ...emptyBatch(), entries: [entry(1, 'redelivered')] });
    assert.equal(uncommitted.take(state)?.newest.size, 0);
  });

  it('says where a new source starts, and what it has delivered already', () => {
    const { state, uncommitted, take } = scene();
    uncommitted.register(SOURCE, newSource(START));
    assert.equal(uncommitted.isEmpty, false);
    uncommitted.add(SOURCE, { ...emptyBatch(), entries: [entry(1)], cursor: '2026-11-21T20:01:00Z' });
    const { start, cursor, ids } = take()?.[SOURCE] ?? {};
    assert.deepEqual([start, cursor, ids?.size], [START, '2026-11-21T20:01:00Z', 1]);
    assert.equal(uncommitted.take(state), undefined);
  });

  it('says that a source was retired, and nothing of what it delivered before; it may come back', () => {
    const { uncommitted, take } = scene();
    uncommitted.register(SOURCE, newSource(START));
    uncommitted.add(SOURCE, { ...emptyBatch(), entries: [entry(1)] });
    uncommitted.forget(SOURCE);
    assert.equal(uncommitted.isEmpty, false);
    assert.deepEqual(take(), { [SOURCE]: { forgotten: true } });
    uncommitted.forget(SOURCE);
    uncommitted.register(SOURCE, newSource(START));
    assert.deepEqual(take(), { [SOURCE]: { forgotten: true, cursor: START, start: START } });
    assert.equal(take(), undefined);
  });
});
