import assert from 'node:assert/strict';
import { it } from 'node:test';
import { EventId } from '../../src/events/event-id.ts';
import { emptyBatch } from '../../src/state/batch.ts';
import { emptyState, newSource } from '../../src/state/state.ts';
import { Uncommitted } from '../../src/state/uncommitted.ts';

it('the journal gets no second line for a source that delivers nothing more', () => {
  const state = emptyState();
  state.sources['ionos/1'] = newSource('2026-11-21T20:00:00Z');
  const uncommitted = new Uncommitted();
  const entry = { key: new EventId(1, 2, 3, 4, 5), keepUntil: 1, kind: 'delivered' as const };
  uncommitted.add('ionos/1', { ...emptyBatch(), entries: [entry] });
  assert.deepEqual(Object.keys(uncommitted.take(state)?.sources ?? {}), ['ionos/1']);
  uncommitted.add('ionos/1', emptyBatch());
  assert.equal(uncommitted.take(state), undefined);
});
