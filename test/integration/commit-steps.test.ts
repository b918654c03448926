import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { accountOf } from '../helpers/account.ts';
import type { CommitStep } from '../helpers/commit-steps.ts';
import { CONTRACTS, Model, QUIET } from '../helpers/model.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const HOUR = 3_600_000;
const STEPS: readonly CommitStep[] = [
  'before the line',
  'half of the line',
  'after the line',
  'before the snapshot',
  'half of the snapshot',
  'after the snapshot',
];
/** The snapshot as a run begins, the line, and the snapshot at its end. */
const STEPS_OF_A_RUN = 9;

it('a kill at any step of a commit loses nothing, and leaves a journal that is whole', async (t) => {
  const m = await Model.open({}, join(await temporaryFolder(t), 'state.json'), 3);
  t.after(async () => m.close());
  await m.run(QUIET);
  const before = CONTRACTS.map((contract) => ({ contract, agoMs: 1000 }));
  for (let nth = 0; nth < STEPS_OF_A_RUN; nth++) {
    await m.run({ ...QUIET, pauseMs: HOUR, before, end: { kind: 'killed', at: 'commit', nth } });
    assert.equal(m.kills, nth + 1, `nothing happens at step ${nth}`);
  }
  assert.deepEqual(new Set(m.killedAt), new Set(STEPS));
  await m.run({ ...QUIET, pauseMs: HOUR });
  const { lost, foreign } = accountOf(m.printed, m.events);
  assert.deepEqual({ lost, foreign }, { lost: [], foreign: [] });
  assert.equal(m.printed.length - m.events.length, m.unsaved);
  assert.equal(await m.command('verify'), 0, m.said.join(''));
});
