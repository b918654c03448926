import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { assertPrintedOnce, eventsOf } from '../helpers/account.ts';
import { type Collector, collectorFor } from '../helpers/collector.ts';
import { addEvents, HEALTHY, PAGE_SIZE, playOnLists, playOnPages, sandboxFor } from '../helpers/fault-runs.ts';
import { BAD_EVENTS, BROKEN_BODIES, STATUSES, redirects } from '../helpers/fault-table.ts';
import type { Sandbox } from '../sandbox/server.ts';

/** One or two of each kind; the chaos tests play them all. */
const STATUS_SAMPLE = STATUSES.filter(({ name }) => ['status 503', 'status 413', 'status 403'].includes(name));
const BODY_SAMPLE = BROKEN_BODIES.filter(({ name }) => ['body cut in the middle', 'damaged gzip'].includes(name));

describe('a fault on a page of one contract', () => {
  it('is a status, a broken body, a bad event or a redirect', async (t) => {
    const elsewhere = await sandboxFor(t);
    const rows = [...STATUS_SAMPLE, ...BODY_SAMPLE, ...BAD_EVENTS.slice(0, 1), ...redirects(elsewhere.url).slice(0, 1)];
    await playOnPages(t, rows, '--concurrency', '64');
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

  async function place(t: TestContext): Promise<{ sandbox: Sandbox; collector: Collector }> {
    const sandbox = await sandboxFor(t);
    for (const contract of HEALTHY) addEvents(sandbox, contract);
    return { sandbox, collector: await collectorFor(t, sandbox) };
  }

  async function catchesUp({ sandbox, collector }: { sandbox: Sandbox; collector: Collector }): Promise<void> {
    const good = await collector.run('--page-size', `${PAGE_SIZE}`);
    assert.equal(good.code, 0, good.stderr);
    assertPrintedOnce(collector.printed, eventsOf(sandbox, HEALTHY));
  }

  it('ends the run at the list', async (t) => {
    const { sandbox, collector } = await place(t);
    sandbox.fail({ match: { kind: 'contracts' }, fault });
    const { code, stderr } = await collector.run();
    assert.equal(code, 1);
    assert.match(stderr, /^fetch-activity-logs: error: 127\.0\.0\.1:\d+ does not accept the token .*\n$/, 'one line');
    await catchesUp({ sandbox, collector });
  });

  for (const [pageIndex, contract] of [
    ['first', HEALTHY[0]],
    ['later', HEALTHY[1]],
  ] as const) {
    it(`for one contract only, at its ${pageIndex} page: the others were not collected either`, async (t) => {
      const { sandbox, collector } = await place(t);
      sandbox.fail({ match: { kind: 'page', contract: contract ?? '', pageIndex }, fault });
      const { code, stderr } = await collector.run('--page-size', `${PAGE_SIZE}`, '--concurrency', '1');
      assert.equal(code, 3);
      assert.match(
        stderr,
        new RegExp(`error: ionos/${contract ?? ''}: 127\\.0\\.0\\.1:\\d+ does not accept the token`),
      );
      const others = HEALTHY.filter((one) => one !== contract);
      const printed = new Set(collector.printed.map(String));
      assert.ok(eventsOf(sandbox, others).every(({ text }) => printed.has(text)));
      await catchesUp({ sandbox, collector });
    });
  }

  it('for every contract: is said once, as for the list', async (t) => {
    const { sandbox, collector } = await place(t);
    sandbox.options.token = 'another';
    const { code, stderr } = await collector.run('--quiet', ...HEALTHY.flatMap((one) => ['--contract', one]));
    assert.equal(code, 1);
    assert.match(stderr, /^fetch-activity-logs: error: 127\.0\.0\.1:\d+ does not accept the token .*\n$/, 'one line');
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
