import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { ask, type Asking, CONTRACT, type Exchange, NOW, PAGE, sandboxFor, sources } from './exchange.ts';
import { type Fault, gatewayPage, retryLater, type Sandbox } from './server.ts';

const CONTRACTS = '/activitylog/v1/contracts';

async function sandboxWithEvents(t: TestContext): Promise<Sandbox> {
  const sandbox = await sandboxFor(t);
  sandbox.generate(CONTRACT, { count: 30, from: NOW - 300_000, to: NOW });
  return sandbox;
}

/** The page that meets with the fault, and the same page without it. */
async function meet(t: TestContext, fault: Fault, asking?: Asking): Promise<[Exchange, Exchange, Sandbox]> {
  const sandbox = await sandboxWithEvents(t);
  sandbox.fail({ fault });
  const met = await ask(sandbox, PAGE, asking);
  assert.equal(sandbox.requests[0]?.fault, fault.type);
  assert.equal(sandbox.requests[0].status, met.status);
  return [met, await ask(sandbox, PAGE), sandbox];
}

describe('fault rules', () => {
  const broken: Fault = { type: 'status', status: 500 };
  const LATER = `${PAGE}?offset=20`;
  const OTHER = `${CONTRACTS}/31721060`;
  const rows: [string, Parameters<Sandbox['fail']>[0], string[], number[]][] = [
    ['once by default', { fault: broken }, [PAGE, PAGE], [500, 200]],
    ['as often as told', { fault: broken, times: 2 }, [PAGE, CONTRACTS, PAGE], [500, 500, 200]],
    ['after some', { fault: broken, skip: 1 }, [PAGE, PAGE, PAGE], [200, 500, 200]],
    ['the contract list', { fault: broken, match: { kind: 'contracts' } }, [PAGE, CONTRACTS], [200, 500]],
    ['one contract', { fault: broken, match: { contract: CONTRACT } }, [OTHER, CONTRACTS, PAGE], [200, 200, 500]],
    ['first pages', { fault: broken, match: { kind: 'page', pageIndex: 'first' } }, [LATER, PAGE], [200, 500]],
    ['later pages', { fault: broken, match: { pageIndex: 'later' } }, [PAGE, LATER], [200, 500]],
    ['a predicate', { fault: broken, match: (request) => request.query['offset'] === '20' }, [PAGE, LATER], [200, 500]],
  ];
  for (const [name, rule, paths, expected] of rows) {
    it(name, async (t) => {
      const sandbox = await sandboxWithEvents(t);
      sandbox.addContract('31721060');
      const fault = sandbox.fail(rule);
      const statuses: unknown[] = [];
      for (const path of paths) statuses.push((await ask(sandbox, path)).status);
      assert.deepEqual(statuses, expected);
      assert.equal(fault.played, rule.times ?? 1);
    });
  }

  it('follow one another, and go when removed', async (t) => {
    const sandbox = await sandboxWithEvents(t);
    sandbox.fail({ fault: { type: 'status', status: 502 } });
    const endless = sandbox.fail({ fault: { type: 'status', status: 503 }, times: Infinity });
    const statuses = [(await ask(sandbox, PAGE)).status, (await ask(sandbox, PAGE)).status];
    endless.remove();
    assert.deepEqual([...statuses, (await ask(sandbox, PAGE)).status], [502, 503, 200]);
  });

  it('come before the token is looked at', async (t) => {
    const sandbox = await sandboxWithEvents(t);
    sandbox.fail({ fault: broken });
    assert.equal((await ask(sandbox, PAGE, { token: null })).status, 500);
  });
});

describe('faults that answer', () => {
  it('status, with an error of the API', async (t) => {
    const [met] = await meet(t, { type: 'status', status: 503 });
    assert.match(met.text, /^\{"httpStatus":503,"messages":\[/);
  });

  it('status, with Retry-After in both forms', async (t) => {
    const [seconds] = await meet(t, retryLater(429, 7));
    assert.deepEqual([seconds.status, seconds.headers['retry-after']], [429, '7']);
    const [date] = await meet(t, retryLater(503, new Date(NOW)));
    assert.deepEqual([date.status, date.headers['retry-after']], [503, 'Sat, 21 Nov 2026 20:30:00 GMT']);
  });

  it('the HTML page of a gateway', async (t) => {
    const [met] = await meet(t, gatewayPage(502));
    assert.deepEqual([met.status, met.headers['content-type']], [502, 'text/html']);
    assert.match(met.text, /^<html>/);
  });

  it('redirect, to the same origin and to another', async (t) => {
    const elsewhere = await sandboxFor(t);
    const [same] = await meet(t, { type: 'redirect', location: '/elsewhere' });
    assert.deepEqual([same.status, same.headers.location], [302, '/elsewhere']);
    const location = ({ url }: { url: string }): string => elsewhere.url + url;
    const [other] = await meet(t, { type: 'redirect', location, status: 307 });
    assert.deepEqual([other.status, other.headers.location], [307, elsewhere.url + PAGE]);
  });

  it('another body with status 200', async (t) => {
    const bodies = ['', '{"unexpected":[]}', '<html></html>', 'null'];
    for (const body of bodies) {
      const [met] = await meet(t, { type: 'body', body });
      assert.deepEqual([met.status, met.text, met.complete], [200, body, true]);
    }
    const [html] = await meet(t, { type: 'body', body: Buffer.from('<p>'), headers: { 'content-type': 'text/html' } });
    assert.deepEqual([html.text, html.headers['content-type']], ['<p>', 'text/html']);
  });

  it('an event that is none', async (t) => {
    const [met, usual] = await meet(t, { type: 'bad-event' });
    const [events, good]: unknown[][] = [sources(met.text), sources(usual.text)];
    assert.deepEqual(events, good?.with(10, 42));
    const [text] = await meet(t, { type: 'bad-event', raw: '"text"' });
    assert.ok(text.text.includes('{"_source":"text"}'));
  });

  it('a gzip body that is damaged', async (t) => {
    const [met] = await meet(t, { type: 'corrupt-gzip' });
    assert.equal(met.headers['content-encoding'], 'gzip');
    assert.ok(met.complete);
    assert.throws(() => gunzipSync(met.body));
  });
});

describe('faults of the connection', () => {
  for (const afterBytes of [undefined, 0, 1, 1000, Infinity]) {
    it(`a body cut after ${String(afterBytes)} bytes`, async (t) => {
      const [met, usual] = await meet(t, { type: 'cut', ...(afterBytes === undefined ? {} : { afterBytes }) });
      const length = Math.min(afterBytes ?? usual.body.length >> 1, usual.body.length - 1);
      assert.equal(met.headers['content-length'], `${usual.body.length}`);
      assert.deepEqual(met.body, usual.body.subarray(0, length));
      assert.deepEqual([met.complete, met.error], [false, 'ECONNRESET']);
    });
  }

  for (const framing of ['length', 'chunked', 'close'] as const) {
    it(`a body that ends early, as if this were all: ${framing}`, async (t) => {
      const [met, usual] = await meet(t, { type: 'truncate', afterBytes: 1000, framing });
      assert.deepEqual(met.body, usual.body.subarray(0, 1000));
      assert.deepEqual([met.complete, met.error], [true, undefined]);
      const { 'content-length': length, 'transfer-encoding': coding } = met.headers;
      assert.deepEqual(
        [length, coding],
        [framing === 'length' ? '1000' : undefined, framing === 'chunked' ? 'chunked' : undefined],
      );
    });
  }

  it('a reset before any answer', async (t) => {
    const [met] = await meet(t, { type: 'reset' });
    assert.deepEqual([met.status, met.error], [undefined, 'ECONNRESET']);
  });

  it('a reset in the body', async (t) => {
    const [met] = await meet(t, { type: 'reset-body', afterBytes: 0 });
    assert.deepEqual([met.complete, met.error], [false, 'ECONNRESET']);
  });

  it('no answer at all, while others get theirs', async (t) => {
    const sandbox = await sandboxWithEvents(t);
    sandbox.fail({ fault: { type: 'hang' } });
    const patience = new AbortController();
    const arrived = sandbox.nextRequest();
    const hanging = ask(sandbox, PAGE, { signal: patience.signal });
    await arrived;
    assert.equal((await ask(sandbox, PAGE)).status, 200);
    assert.equal(sandbox.requests[0]?.status, undefined);
    patience.abort();
    assert.deepEqual([(await hanging).status, (await hanging).error], [undefined, 'ABORT_ERR']);
  });

  it('silence in the middle of the body', async (t) => {
    const patience = new AbortController();
    let received = 0;
    const onData = (piece: Buffer): void => {
      received += piece.length;
      if (received === 1000) patience.abort();
    };
    const asking = { signal: patience.signal, onData };
    const [met, usual] = await meet(t, { type: 'hang-body', afterBytes: 1000 }, asking);
    assert.equal(met.headers['content-length'], `${usual.body.length}`);
    assert.deepEqual([met.complete, met.error, met.body.length], [false, 'ABORT_ERR', 1000]);
  });

  it('a body that trickles', async (t) => {
    const patience = new AbortController();
    let pieces = 0;
    const onData = (): void => {
      if (++pieces === 3) patience.abort();
    };
    const [slow, all] = await meet(t, { type: 'trickle', bytesPerSecond: 100 }, { signal: patience.signal, onData });
    assert.deepEqual([slow.complete, slow.error], [false, 'ABORT_ERR']);
    assert.equal(slow.headers['content-length'], `${all.body.length}`);
    assert.ok(slow.body.length < all.body.length);
    assert.deepEqual(slow.body, all.body.subarray(0, slow.body.length));
    const [fast, usual] = await meet(t, { type: 'trickle', bytesPerSecond: 10_000_000 });
    assert.ok(fast.complete);
    assert.deepEqual(fast.body, usual.body);
  });

  it('a body larger than anyone wants', async (t) => {
    const [whole] = await meet(t, { type: 'oversized', mebibytes: 3 });
    assert.deepEqual(JSON.parse(whole.text), { hits: { total: 0, hits: [] } });
    assert.ok(whole.body.length > 3 * 1024 * 1024);
    assert.equal(whole.headers['transfer-encoding'], 'chunked');
    const [announced] = await meet(t, { type: 'oversized', mebibytes: 3, announced: true });
    assert.equal(announced.headers['content-length'], `${whole.body.length}`);
    const [bomb] = await meet(t, { type: 'oversized', mebibytes: 3, gzip: true });
    assert.ok(bomb.body.length < 10_000);
    assert.deepEqual(gunzipSync(bomb.body), whole.body);
  });

  it('a body without end in sight ends when the client turns away', async (t) => {
    const patience = new AbortController();
    const asking = { signal: patience.signal, onData: () => patience.abort() };
    const [met, usual] = await meet(t, { type: 'oversized', mebibytes: 1_000_000 }, asking);
    assert.deepEqual([met.complete, usual.status], [false, 200]);
  });
});

describe('closing', () => {
  it('ends what hangs', async (t) => {
    const sandbox = await sandboxWithEvents(t);
    sandbox.fail({ fault: { type: 'hang' } });
    const arrived = sandbox.nextRequest();
    const hanging = ask(sandbox, PAGE);
    await arrived;
    await sandbox.close();
    assert.equal((await hanging).error, 'ECONNRESET');
    assert.equal((await ask(sandbox, PAGE)).error, 'ECONNREFUSED');
  });
});
