import { describe, it } from 'node:test';
import { assertAnySchedule } from '../helpers/any-schedule.ts';

const SEEDS = [20_261_121, 20_261_122, 20_261_123, 20_261_124];
const SCHEDULES = Number(process.env['FUZZ_RUNS'] ?? 40);

describe('any schedule of faults, kills, late events and shifts', { concurrency: true }, () => {
  for (const seed of SEEDS) {
    it(`loses nothing, and repeats only what a killed run had not saved (seed ${seed})`, async (t) => {
      await assertAnySchedule(t, seed, SCHEDULES);
    });
  }
});
