import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertNothingLost } from '../helpers/account.ts';
import { Lane } from '../helpers/lane.ts';
import type { SandboxSettings } from '../sandbox/server.ts';

/** In all that many times as many as there are lanes. */
const KILLS = 6;
/** A run may be through before the moment has come. */
const MAX_ROUNDS = 4 * KILLS;

const LANES: readonly SandboxSettings[] = [
  { order: 'ascending' },
  { order: 'descending' },
  { order: 'ascending', total: 'missing' },
  { order: 'descending', total: 'object', uuid: 'missing' },
  { order: 'ascending', shape: 'items', gzip: true },
  { order: 'descending', maxLimit: 7, limitBehaviour: 'cut' },
  { order: 'shuffled', uuid: 'some' },
  { order: 'descending', maxOffset: 40 },
];

// After kill -9 the next run waits some seconds for the lock: the lanes wait side by side.
describe('kill -9 at any moment', { concurrency: true }, () => {
  LANES.forEach((settings, nth) => {
    it(`loses nothing, and repeats only what was not saved yet: ${JSON.stringify(settings)}`, async (t) => {
      const lane = await Lane.open(t, 100 + nth, settings);
      let kills = 0;
      let unsaved = 0;
      for (let round = 0; kills < KILLS; round++) {
        assert.ok(round < MAX_ROUNDS, `${kills} kills in ${round} rounds`);
        const saved = lane.delivered;
        const running = lane.start();
        await lane.someMoment(running);
        running.kill('SIGKILL');
        const { code, signal, lines, stderr } = await running.ended;
        unsaved += lines.length - (lane.delivered - saved);
        if (signal === 'SIGKILL') kills++;
        else assert.equal(code, 0, stderr);
      }

      lane.isBusy = false;
      const { code, stderr } = await lane.start().ended;
      assert.equal(code, 0, stderr);
      const { printed } = lane.collector;
      const repeated = assertNothingLost(printed, lane.events);
      assert.equal(lane.delivered, lane.events.length);
      assert.equal(repeated, unsaved);
      t.diagnostic(`${kills} kills, ${lane.events.length} events, ${repeated} lines repeated`);
    });
  });
});
