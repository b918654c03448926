import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertPrintedOnce } from '../helpers/account.ts';
import { Lane } from '../helpers/lane.ts';
import { type SandboxSettings } from '../sandbox/server.ts';

const ROUNDS = 8;
const LAST_WORD = / events? from \d+ sources?$|before anything was collected$/m;

const LANES: readonly (readonly [NodeJS.Signals, SandboxSettings])[] = [
  ['SIGTERM', { order: 'ascending' }],
  ['SIGTERM', { order: 'descending' }],
  ['SIGTERM', { order: 'ascending', total: 'missing' }],
  ['SIGTERM', { order: 'descending', shape: 'items', uuid: 'missing' }],
  ['SIGTERM', { order: 'shuffled', maxLimit: 7, limitBehaviour: 'cut' }],
  ['SIGTERM', { order: 'descending', maxOffset: 40 }],
  ['SIGINT', { order: 'ascending' }],
];

describe('a signal to end at any moment', { concurrency: 4 }, () => {
  LANES.forEach(([signal, settings], nth) => {
    it(`${signal}: every event once, exit code 0: ${JSON.stringify(settings)}`, async (t) => {
      const lane = await Lane.open(t, 200 + nth, settings);
      let cutShort = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const running = lane.start();
        await lane.someMoment(running);
        running.kill(signal);
        if (signal === 'SIGTERM' && lane.random.int(2) === 0) {
          await sleep(lane.random.int(20));
          running.kill(signal);
        }
        const ended = await running.ended;
        assert.ok(!existsSync(`${lane.collector.stateFile}.lock`), 'the lock is given back');
        assert.equal(ended.rest.length, 0, 'whole lines');
        // Node takes its handlers away before it ends: a signal that comes so late finds nothing left to do.
        if (ended.signal === null || !LAST_WORD.test(ended.stderr)) assert.equal(ended.code, 0, ended.stderr);
        if (ended.stderr.includes('stopped by')) cutShort++;
      }
      lane.isBusy = false;
      const { code, stderr } = await lane.start().ended;
      assert.equal(code, 0, stderr);
      assertPrintedOnce(lane.collector.printed, lane.events);
      t.diagnostic(`${cutShort} of ${ROUNDS} runs cut short, ${lane.events.length} events`);
    });
  });
});
