import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { assertPrintedOnce, eventsOf } from '../helpers/account.ts';
import { type Collector, collectorFor } from '../helpers/collector.ts';
import { addEvents, HEALTHY, PAGE_SIZE, PLACES, playOnLists, playOnPages, sandboxFor } from '../helpers/fault-runs.ts';
import { BAD_EVENTS, BROKEN_BODIES, STATUSES, redirects } from '../helpers/fault-table.ts';
import type { Sandbox } from '../sandbox/server.ts';

/** One or two of each kind; the chaos tests play them all. */
const STATUS_SAMPLE = STATUSES.filter(({ name }) => ['status 503', 'status 413', 'status 403'].includes(name));
const BODY_SAMPLE = BROKEN_BODIES.filter(({ name }) => ['body cut in the middle', 'damaged gzip'].includes(name));

describe('a fault on a page of one contract', () => {
  it('is a status, a broken body, a bad event or a redirect', async (t) => {
    const elsewhere = await sandboxFor(t);
    const rows = [STATUS_SAMPLE, BODY_SAMPLE, BAD_EVENTS.slice(0, 1).slice(0, 1), redirects(elsewhere.url)];
    await playOnPages(
      t,
      rows.flatMap((sample) => sample.slice(0, 3)),
      '--concurrency',
      '64',
      '--request-timeout',
      '1s',
    );
    assert.deepEqual(elsewhere.requests, [], 'no other origin is asked');
  });
});

describe('a fault on the list of contracts', { concurrency: true }, () => {
  it('ends the run and loses nothing', { concurrency: true }, async (t) => {
    await playOnLists(t, [...STATUS_SAMPLE.slice(0, 1), ...BODY_SAMPLE.slice(0, 1)]);
  });
});

describe('a token that is not accepted any more', () => {
  const fault = { type: 'status', status: 401 } as const;

  async function losesNothing(t: TestContext, play: (sandbox: Sandbox) => void): Promise<Collector> {
    const sandbox = await sandboxFor(t);
    const collector = await collectorFor(t, sandbox);
    for (const contract of HEALTHY) addEvents(sandbox, contract);
    play(sandbox);
    const { code, stderr } = await collector.run('--page-size', `${PAGE_SIZE}`, '--concurrency', '1');
    assert.equal(code, 1);
    assert.match(stderr, /^fetch-activity-logs: error: 127\.0\.0\.1:\d+ does not accept the token .*\n$/, 'one line');
    const good = await collector.run('--page-size', `${PAGE_SIZE}`);
    assert.equal(good.code, 0, good.stderr);
    assertPrintedOnce(collector.printed, eventsOf(sandbox, HEALTHY));
    return collector;
  }

  it('ends the run at the list', async (t) => {
    await losesNothing(t, (sandbox) => sandbox.fail({ match: { kind: 'contracts' }, fault }));
  });

  for (const pageIndex of PLACES) {
    for (const contract of HEALTHY) {
      it(`ends the run at the ${pageIndex} page of ${contract}`, async (t) => {
        await losesNothing(t, (sandbox) => sandbox.fail({ match: { kind: 'page', contract, pageIndex }, fault }));
      });
    }
  }

  it('is not tried with the contracts that are left', async (t) => {
    const sandbox = await sandboxFor(t, { token: 'another' });
    const collector = await collectorFor(t, sandbox);
    for (const contract of HEALTHY) addEvents(sandbox, contract);
    const args = HEALTHY.flatMap((contract) => ['--contract', contract]);
    assert.equal((await collector.run(...args, '--concurrency', '1')).code, 1);
    assert.equal(sandbox.requests.length, 1);
  });
});

describe('a fault in every contract', () => {
  it('ends with exit code 1, and the next run catches up', async (t) => {
    const sandbox = await sandboxFor(t);
    const collector = await collectorFor(t, sandbox);
    for (const contract of HEALTHY) addEvents(sandbox, contract);
    sandbox.fail({ match: { kind: 'page' }, times: HEALTHY.length, fault: { type: 'status', status: 403 } });
    assert.equal((await collector.run()).code, 1);
    assert.equal((await collector.run()).code, 0);
    assertPrintedOnce(collector.printed, eventsOf(sandbox, HEALTHY));
  });
});
