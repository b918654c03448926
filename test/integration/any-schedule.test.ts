import { it } from 'node:test';
import { assertAnySchedule } from '../helpers/any-schedule.ts';

it('a schedule of faults, kills, late events and shifts loses nothing', async (t) => {
  await assertAnySchedule(t, 20_261_126, 10);
});
