import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, NOW, sandboxFor } from './exchange.ts';
import { microsecondText } from './cloudscale-entries.ts';
import { retryLater, type Sandbox, type StoredEvent } from './server.ts';

const LOGS = '/v1/project-logs';
const RANGE = { count: 25, from: NOW - 300_000, to: NOW };

interface LogPage {
  results: { timestamp: string; ip_address: string | null }[];
  next: string | null;
  poll_more: string;
}

async function page(sandbox: Sandbox, url = LOGS, token = 'sandbox-token'): Promise<LogPage & { text: string }> {
  const { status, text } = await ask(sandbox, url, { token });
  assert.equal(status, 200, text);
  return { ...(JSON.parse(text) as LogPage), text };
}

/** Follows `next` to the last page. */
async function walk(sandbox: Sandbox, url = LOGS): Promise<{ results: unknown[]; pollMore: string; sizes: number[] }> {
  const results: unknown[] = [];
  const sizes: number[] = [];
  for (let at = url; ;) {
    const { results: some, next, poll_more: pollMore } = await page(sandbox, at);
    results.push(...some);
    sizes.push(some.length);
    if (next === null) return { results, pollMore, sizes };
    assert.equal(next, pollMore);
    at = next;
  }
}

function parsed(entries: readonly StoredEvent[]): unknown[] {
  return entries.map(({ text }) => JSON.parse(text) as unknown);
}

describe('project logs', () => {
  it('come in pages, from the start asked for', async (t) => {
    const sandbox = await sandboxFor(t, { cloudscale: { pageSize: 10 } });
    const entries = sandbox.generateEntries(RANGE);
    const { results, sizes } = await walk(sandbox);
    assert.deepEqual(sizes, [10, 10, 5]);
    assert.deepEqual(results, parsed(entries));
    const from = microsecondText(Math.round((entries[7]?.time ?? 0) * 1000));
    const to = microsecondText(Math.round((entries[20]?.time ?? 0) * 1000));
    assert.deepEqual((await walk(sandbox, `${LOGS}?start=${from}`)).results, parsed(entries.slice(7)));
    assert.deepEqual((await walk(sandbox, `${LOGS}?start=${from}&end=${to}`)).results, parsed(entries.slice(7, 20)));
    const zoned = from.replace('T20:', 'T22:').replace('Z', '%2B02:00');
    assert.deepEqual((await walk(sandbox, `${LOGS}?start=${zoned}`)).results, parsed(entries.slice(7)));
  });

  it('have no next on a last page that is full', async (t) => {
    const sandbox = await sandboxFor(t, { cloudscale: { pageSize: 5 } });
    sandbox.generateEntries(RANGE);
    assert.deepEqual((await walk(sandbox)).sizes, [5, 5, 5, 5, 5]);
  });

  it('refuse a plus that was not encoded, and what is not a time', async (t) => {
    const sandbox = await sandboxFor(t);
    for (const start of ['2026-11-21T20:30:00+00:00', '2026-11-21', 'yesterday', '2026-13-01T00:00:00Z']) {
      assert.equal((await ask(sandbox, `${LOGS}?start=${start}`)).status, 400, start);
    }
  });

  it('continue from poll_more, also from an empty page', async (t) => {
    let now = NOW;
    const sandbox = await sandboxFor(t, { now: () => now });
    const empty = await page(sandbox, `${LOGS}?start=2026-11-21T20:00:00Z`);
    assert.deepEqual([empty.results, empty.next], [[], null]);
    sandbox.addEntries([{ raw: '{"n":1}', time: NOW + 5 }]);
    const still = await page(sandbox, empty.poll_more);
    assert.deepEqual(still.results, []);
    now = NOW + 5;
    const more = await page(sandbox, still.poll_more);
    assert.deepEqual(more.results, [{ n: 1 }]);
    assert.deepEqual((await page(sandbox, empty.poll_more)).results, [{ n: 1 }]);
    assert.deepEqual((await page(sandbox, more.poll_more)).results, []);
  });

  it('show an entry that was overtaken after the ones that overtook it', async (t) => {
    let now = NOW;
    const sandbox = await sandboxFor(t, { now: () => now });
    sandbox.addEntries([
      { raw: '{"n":"overtaken"}', time: NOW - 2000, visibleFrom: NOW + 1000 },
      { raw: '{"n":"early"}', time: NOW - 1000 },
      { raw: '{"n":"later"}', time: NOW + 2000 },
    ]);
    const first = await page(sandbox);
    assert.deepEqual(first.results, [{ n: 'early' }]);
    now = NOW + 2000;
    assert.deepEqual((await page(sandbox, first.poll_more)).results, [{ n: 'overtaken' }, { n: 'later' }]);
    sandbox.addEntries([{ raw: '{"n":"very late"}', time: NOW - 9000 }]);
    const { results } = await page(sandbox);
    assert.deepEqual(results.at(-1), { n: 'very late' });
    assert.deepEqual(parsed(sandbox.entries()), results);
  });

  it('are sent byte for byte', async (t) => {
    const sandbox = await sandboxFor(t);
    const raws = ['{"n":9007199254740993,"f":1.0,"h":1e400,"z":-0}', '{"s":"\\ud83d\u2028","a":1,"a":2}'];
    sandbox.addEntries(raws.map((raw) => ({ raw, time: NOW })));
    assert.ok((await page(sandbox)).text.startsWith(`{"results":[${raws.join(',')}],"next":null,"poll_more":"http`));
  });

  it('look like the real ones', async (t) => {
    const sandbox = await sandboxFor(t, { lateShare: 0.2 });
    const entries = sandbox.generateEntries({ ...RANGE, count: 200 });
    for (const { text, time } of entries) {
      const { timestamp } = JSON.parse(text) as { timestamp: string };
      assert.match(timestamp, /^2026-11-21T20:\d\d:\d\d\.\d{6}Z$/);
      assert.equal(Date.parse(timestamp), Math.floor(time));
    }
    const texts = entries.map(({ text }) => text);
    for (const part of ['"ip_address":null', '"ip_address":"192', '"user":', '"api_token":', '"system":', '"admin":']) {
      assert.ok(
        texts.some((text) => text.includes(part)),
        part,
      );
    }
    const { results } = await walk(sandbox);
    const times = (results as LogPage['results']).map(({ timestamp }) => timestamp);
    assert.notDeepEqual(times, [...times].sort());
    const again = await sandboxFor(t, { lateShare: 0.2 });
    assert.deepEqual(again.generateEntries({ ...RANGE, count: 200 }), entries);
  });

  it('arrive by themselves', async (t) => {
    let now = NOW;
    const sandbox = await sandboxFor(t, { now: () => now, cloudscale: { arrivalsPerSecond: 2 } });
    const { poll_more: pollMore } = await page(sandbox);
    now = NOW + 3001;
    assert.equal((await page(sandbox, pollMore)).results.length, 6);
  });
});

describe('access to project logs', () => {
  it('needs a token, and each token sees one project', async (t) => {
    const sandbox = await sandboxFor(t);
    sandbox.addEntries([{ raw: '{"project":1}', time: NOW }]);
    sandbox.addEntries([{ raw: '{"project":2}', time: NOW }], 'second');
    assert.deepEqual((await page(sandbox)).results, [{ project: 1 }]);
    assert.deepEqual((await page(sandbox, LOGS, 'second')).results, [{ project: 2 }]);
    assert.deepEqual(parsed(sandbox.entries('second')), [{ project: 2 }]);
    const wrong = await ask(sandbox, LOGS, { token: 'third' });
    assert.deepEqual([wrong.status, wrong.text], [401, '{"detail":"Invalid token."}']);
    assert.equal((await ask(sandbox, LOGS, { token: null })).status, 401);
    assert.equal((await ask(sandbox, LOGS, { method: 'POST' })).status, 405);
  });

  it('meets with faults, too', async (t) => {
    const sandbox = await sandboxFor(t, { cloudscale: { pageSize: 10 } });
    sandbox.generateEntries(RANGE);
    sandbox.fail({ match: { kind: 'entries', pageIndex: 'later' }, fault: retryLater(503, 3) });
    sandbox.fail({ match: { pageIndex: 'later' }, fault: { type: 'bad-event', raw: '"none"' } });
    const { poll_more: pollMore } = await page(sandbox);
    const met = await ask(sandbox, pollMore);
    assert.deepEqual([met.status, met.headers['retry-after'], met.text], [503, '3', '{"detail":"Scripted 503"}']);
    const { results }: { results: unknown[] } = await page(sandbox, pollMore);
    assert.deepEqual([results.length, results[5]], [10, 'none']);
  });
});

describe('cursors', () => {
  it('go stale when expired, or by age', async (t) => {
    let now = NOW;
    const sandbox = await sandboxFor(t, { now: () => now });
    const { poll_more: pollMore } = await page(sandbox);
    for (const status of [400, 404, 410] as const) {
      sandbox.options.cloudscale.staleStatus = status;
      sandbox.options.cloudscale.maxCursorAgeMs = 1000;
      now = NOW + 1000;
      assert.equal((await ask(sandbox, pollMore)).status, 200);
      now = NOW + 1001;
      assert.equal((await ask(sandbox, pollMore)).status, status);
      sandbox.options.cloudscale.maxCursorAgeMs = null;
      now = NOW;
    }
    sandbox.expireCursors();
    assert.equal((await ask(sandbox, pollMore)).status, 410);
    assert.equal((await ask(sandbox, (await page(sandbox)).poll_more)).status, 200);
    assert.equal((await ask(sandbox, `${LOGS}?cursor=nonsense`)).status, 400);
  });

  it('belong to the host that was asked', async (t) => {
    const sandbox = await sandboxFor(t);
    const byName = sandbox.url.replace('127.0.0.1', 'localhost');
    const { text } = await ask(sandbox, LOGS, { headers: { host: new URL(byName).host } });
    assert.ok((JSON.parse(text) as LogPage).poll_more.startsWith(`${byName}/v1/project-logs?cursor=`));
  });

  it('point elsewhere when told so', async (t) => {
    const elsewhere = await sandboxFor(t);
    const sandbox = await sandboxFor(t, { cloudscale: { pageSize: 10 } });
    sandbox.generateEntries(RANGE);
    const { host, port } = new URL(sandbox.url);
    const rows = [
      ['host', `http://api.cloudscale.example:${port}`],
      ['port', 'http://127.0.0.1:1'],
      ['scheme', `https://${host}`],
      ['credentials', `http://someone:else@${host}`],
      [{ origin: elsewhere.url }, elsewhere.url],
    ] as const;
    for (const [foreignCursors, start] of rows) {
      Object.assign(sandbox.options.cloudscale, { foreignCursors, foreignIn: 'both' });
      const both = await page(sandbox);
      assert.ok(both.poll_more.startsWith(`${start}/v1/project-logs?cursor=`), both.poll_more);
      assert.equal(both.next, both.poll_more);
      sandbox.options.cloudscale.foreignIn = 'next';
      const one = await page(sandbox);
      assert.ok(one.next?.startsWith(start));
      assert.ok(one.poll_more.startsWith(sandbox.url));
      sandbox.options.cloudscale.foreignIn = 'poll_more';
      const other = await page(sandbox);
      assert.ok(other.next?.startsWith(sandbox.url));
      assert.ok(other.poll_more.startsWith(start));
    }
  });
});
