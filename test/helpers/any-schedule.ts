/** Schedules of faults, kills, late events and shifts, for tests that look for one that loses an event. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { journalFolder } from '../../src/state/journal-files.ts';
import { parseState } from '../../src/state/parse-state.ts';
import { readChain } from '../../src/verify/chain.ts';
import { accountOf } from './account.ts';
import { BAD_EVENTS, BROKEN_BODIES, STATUSES } from './fault-table.ts';
import { type Arrival, CONTRACTS, Model, type Step } from './model.ts';
import { temporaryFolder } from './temporary-folder.ts';
import type { SandboxSettings } from '../sandbox/server.ts';

const SECOND = 1000;
/** An event that comes up later than the overlap is long is not looked for. */
const MOST_LATENESS = 299 * SECOND;

/** Those that are noticed at once. */
const FAULTS = [...STATUSES, ...BROKEN_BODIES, ...BAD_EVENTS].filter(({ name }) => !name.includes('in seconds'));

const arrival: fc.Arbitrary<Arrival> = fc.record({
  contract: fc.constantFrom(...CONTRACTS),
  agoMs: fc.oneof(fc.nat({ max: 3 * SECOND }), fc.nat({ max: MOST_LATENESS })),
});

const step: fc.Arbitrary<Step> = fc.record({
  pauseMs: fc.oneof(fc.integer({ min: SECOND, max: 5 * SECOND }), fc.nat({ max: 900 * SECOND })),
  tickMs: fc.constantFrom(0, 0, 30, 700),
  before: fc.array(arrival, { maxLength: 14 }),
  during: fc.array(arrival, { maxLength: 8 }),
  duringFrom: fc.nat({ max: 12 }),
  faults: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc.array(
        fc.record({ fault: fc.constantFrom(...FAULTS.map(({ fault }) => fault)), at: fc.nat({ max: 15 }) }),
        { minLength: 1, maxLength: 2 },
      ),
    },
  ),
  end: fc.record({
    kind: fc.constantFrom('by itself', 'killed', 'stopped'),
    at: fc.constantFrom('request', 'write', 'commit'),
    nth: fc.nat({ max: 12 }),
  }),
});

/** Whatever the API does, as long as everything can be had from it. */
const api: fc.Arbitrary<SandboxSettings> = fc.record({
  seed: fc.nat(),
  order: fc.constantFrom('ascending', 'descending', 'shuffled'),
  total: fc.constantFrom('number', 'object', 'gte', 'missing'),
  shape: fc.constantFrom('hits/_source', 'hits/bare', 'items'),
  uuid: fc.constantFrom('present', 'some', 'missing'),
  timeFormat: fc.constantFrom('milliseconds', 'seconds', 'microseconds', 'offset'),
  maxLimit: fc.constantFrom(3, 7, 1000),
  limitBehaviour: fc.constantFrom('cut', 'refused'),
  maxOffset: fc.constantFrom(null, 50),
  gzip: fc.boolean(),
});

/**
 * Nothing is lost in any of so many schedules, only what a killed run had not saved is printed again, and the journal's
 * chain is whole.
 */
export async function assertAnySchedule(t: TestContext, seed: number, schedules: number): Promise<void> {
  const folder = await temporaryFolder(t);
  const tally = { schedules: 0, runs: 0, kills: 0, events: 0, repeated: 0 };
  const property = fc.asyncProperty(
    api,
    fc.integer({ min: 3, max: 10 }),
    fc.array(step, { minLength: 1, maxLength: 5 }),
    async (settings, pageSize, steps) => {
      const stateFile = join(folder, `${tally.schedules++}.json`);
      const model = await Model.open(settings, stateFile, pageSize);
      try {
        for (const one of steps) await model.run(one);
        await model.settle();
        const { printed, events } = model;
        const { lost, repeated, foreign } = accountOf(printed, events);
        assert.deepEqual({ lost, foreign }, { lost: [], foreign: [] });
        if (model.kills === 0) assert.deepEqual(repeated, []);
        assert.ok(printed.length - events.length <= model.unsaved, `${repeated.length} repeated`);
        const { journal } = parseState(readFileSync(stateFile, 'utf8'));
        assert.deepEqual((await readChain(journalFolder(stateFile), journal, () => undefined)).problems, []);
        tally.runs += model.runs;
        tally.kills += model.kills;
        tally.events += events.length;
        tally.repeated += printed.length - events.length;
      } finally {
        await model.close();
      }
    },
  );
  await fc.assert(property, { seed, numRuns: schedules });
  t.diagnostic(JSON.stringify(tally));
}
