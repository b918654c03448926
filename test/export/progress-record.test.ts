import assert from 'node:assert/strict';
import { it } from 'node:test';
import { assertResumable } from '../../src/export/progress-record.ts';
import { emptyState } from '../../src/state/state.ts';

it('an export is not resumed with an option that an older version did not know', async () => {
  const range = { from: 0, to: 1, given: { from: '0', to: null } };
  const left = { range, parameters: { format: 'csv' }, bytes: 0, owner: null, tallies: {}, state: emptyState() };
  await assertResumable(left, 'events.part', 0, { range, parameters: { format: 'csv', separator: '' } });
  await assert.rejects(
    assertResumable(left, 'events.part', 0, { range, parameters: { format: 'csv', separator: ';' } }),
    /a different export \(--separator was not given, now ;\)/,
  );
});
