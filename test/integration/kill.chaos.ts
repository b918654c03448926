import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { assertNothingLost } from '../helpers/account.ts';
import { Lane } from '../helpers/lane.ts';
import { idsIn, journalLines } from '../helpers/saved-state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import type { SandboxSettings } from '../sandbox/server.ts';

/** In all that many times as many as there are lanes. */
const KILLS = 6;
/** A run may be through before the moment has come. */
const MAX_ROUNDS = 4 * KILLS;

const COPYING_LANES = 3;
const COPIES = 12;

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

describe('a state folder that is copied at any moment of a run', { concurrency: true }, () => {
  for (let nth = 0; nth < COPYING_LANES; nth++) {
    it(`continues without loss, and so does the one that it was copied from (seed ${200 + nth})`, async (t) => {
      const lane = await Lane.open(t, 200 + nth, { order: 'shuffled' });
      const copies: string[] = [];
      while (copies.length < COPIES) {
        const running = lane.start();
        while (!running.isOver && copies.length < COPIES) {
          await lane.someMoment(running);
          const copy = join(await temporaryFolder(t), 'copy');
          // One file after the other, while they are written.
          cpSync(lane.collector.folder, copy, {
            recursive: true,
            filter: (file) => !/\.(lock|owner)$|\.\d+$/.test(file),
          });
          copies.push(join(copy, 'state.json'));
        }
        const { code, stderr } = await running.ended;
        assert.equal(code, 0, stderr);
      }
      lane.isBusy = false;
      assert.equal((await lane.start().ended).code, 0);
      assertNothingLost(lane.collector.printed, lane.events);

      let known = 0;
      for (const stateFile of copies) {
        const committed = new Set(journalLines(stateFile).flatMap(({ sources }) => Object.values(sources)).flatMap(({ delivered }) => idsIn(delivered)).map((id) => id.slice(0, 36))); // prettier-ignore
        known += committed.size;
        lane.collector.stateFile = stateFile;
        const { code, lines, stderr } = await lane.start().ended;
        assert.equal(code, 0, stderr);
        const printed = new Set(lines.map(String));
        const lost = lane.events.filter(({ id, text }) => !committed.has(id) && !printed.has(text));
        assert.deepEqual(
          lost.map(({ id }) => id),
          [],
          stderr,
        );
      }
      t.diagnostic(`${copies.length} copies, ${lane.events.length} events, ${known} in the copies' journals`);
    });
  }
});

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
