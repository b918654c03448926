import { describe, it } from 'node:test';
import { exportThroughFaults } from '../helpers/exporting.ts';

describe('export', () => {
  it('brings 100,000 events of three contracts into a file, through all sorts of faults', async (t) => {
    await exportThroughFaults(t, [60_000, 30_000, 10_000], 10_000, 1000);
  });
});
