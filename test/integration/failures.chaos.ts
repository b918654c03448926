import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { playOnLists, playOnPages, sandboxFor } from '../helpers/fault-runs.ts';
import { TEST_PATIENCE } from '../helpers/patience.ts';
import { BAD_EVENTS, BROKEN_BODIES, OVERSIZED, SILENCES, STATUSES, redirects } from '../helpers/fault-table.ts';

/**
 * Long enough for every answer of the sandbox, also beside sixteen others on a slow machine; five attempts of it are well
 * within the deadline of a run, also with `--busy 4`.
 */
const SILENCE = `${6 * TEST_PATIENCE}s`;
/** Runs at once where most of the time is spent waiting. */
const RUNS_AT_ONCE = 16;

describe('a fault on a page of one contract', { concurrency: true }, () => {
  it('is a status', async (t) => playOnPages(t, STATUSES, '--concurrency', '128'));
  it('is a broken body', async (t) => playOnPages(t, BROKEN_BODIES, '--concurrency', '128'));
  it('is a bad event', async (t) => playOnPages(t, BAD_EVENTS, '--concurrency', '128'));
  it('is silence', async (t) => playOnPages(t, SILENCES, '--concurrency', '16', '--request-timeout', SILENCE));
  it('is a page too large', async (t) => playOnPages(t, OVERSIZED, '--concurrency', '1'));

  it('is a redirect', async (t) => {
    const elsewhere = await sandboxFor(t);
    await playOnPages(t, redirects(elsewhere.url), '--concurrency', '32');
    assert.deepEqual(elsewhere.requests, [], 'no other origin is asked');
  });
});

describe('a fault on the list of contracts', () => {
  it('ends the run and loses nothing', { concurrency: RUNS_AT_ONCE }, async (t) => {
    const elsewhere = await sandboxFor(t);
    await playOnLists(t, [...STATUSES, ...BROKEN_BODIES, ...OVERSIZED, ...redirects(elsewhere.url)]);
    assert.deepEqual(elsewhere.requests, [], 'no other origin is asked');
  });

  it('is silence, and ends the run and loses nothing', { concurrency: RUNS_AT_ONCE }, async (t) =>
    playOnLists(t, SILENCES, '--request-timeout', SILENCE),
  );
});
