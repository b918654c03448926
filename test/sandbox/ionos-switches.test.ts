import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { ask, CONTRACT, NOW, PAGE, sandboxFor, uuids } from './exchange.ts';
import { compactJson } from './json-text.ts';
import type { NewEvent, Sandbox, SandboxSettings } from './server.ts';

const RANGE = { count: 30, from: NOW - 300_000, to: NOW };

async function page(sandbox: Sandbox, query = 'limit=1000'): Promise<string> {
  const { status, text } = await ask(sandbox, `${PAGE}?${query}`);
  assert.equal(status, 200, text);
  return text;
}

describe('shape', () => {
  const event = '{"@uuid":"a", "n": 9007199254740993}';
  const rows: [SandboxSettings, string][] = [
    [{ shape: 'hits/_source' }, `{"hits":{"total":1,"hits":[{"_source":${event}}]}}`],
    [{ shape: 'hits/source' }, `{"hits":{"total":1,"hits":[{"source":${event}}]}}`],
    [{ shape: 'hits/bare' }, `{"hits":{"total":1,"hits":[${event}]}}`],
    [{ shape: 'items' }, `{"items":[${event}]}`],
    [{ shape: 'array' }, `[${event}]`],
    [{ total: 'object' }, `{"hits":{"total":{"value":1,"relation":"eq"},"hits":[{"_source":${event}}]}}`],
    [{ total: 'missing' }, `{"hits":{"hits":[{"_source":${event}}]}}`],
    [{ total: 'overstated', overstatedBy: 5 }, `{"hits":{"total":6,"hits":[{"_source":${event}}]}}`],
  ];
  for (const [settings, expected] of rows) {
    it(JSON.stringify(settings), async (t) => {
      const sandbox = await sandboxFor(t, settings);
      sandbox.addEvents(CONTRACT, [{ raw: event, time: NOW }]);
      assert.equal(await page(sandbox), expected);
    });
  }

  it('has members around the hits when told so', async (t) => {
    const sandbox = await sandboxFor(t, { hitExtras: true });
    sandbox.addEvents(
      CONTRACT,
      ['a', 'b'].map((id) => ({ raw: `{"@uuid":"${id}"}`, time: NOW })),
    );
    const text = await page(sandbox);
    assert.match(text, /^\{"took":3,.*"max_score":null,"hits":\[\{"_index":"activity-log",.*,"sort":\[1\]\}\]\}\}$/);
    assert.deepEqual(uuids(text), ['a', 'b']);
  });

  it('caps a total at 10,000 with the relation gte', async (t) => {
    const sandbox = await sandboxFor(t, { total: 'gte' });
    const events = (length: number): NewEvent[] => Array.from({ length }, () => ({ raw: '{}', time: NOW }));
    sandbox.addEvents(CONTRACT, events(10_000));
    assert.match(await page(sandbox, 'limit=0'), /"total":\{"value":10000,"relation":"eq"\}/);
    sandbox.addEvents(CONTRACT, events(1));
    assert.match(await page(sandbox, 'limit=0'), /"total":\{"value":10000,"relation":"gte"\}/);
  });
});

describe('order', () => {
  it('ascending and descending page through everything', async (t) => {
    const sandbox = await sandboxFor(t);
    const ids = sandbox.generate(CONTRACT, RANGE).map(({ id }) => id);
    const walk = async (): Promise<unknown[]> => [
      ...uuids(await page(sandbox, 'limit=20')),
      ...uuids(await page(sandbox, 'limit=20&offset=20')),
      ...uuids(await page(sandbox, 'limit=20&offset=40')),
    ];
    assert.deepEqual(await walk(), ids);
    sandbox.options.order = 'descending';
    assert.deepEqual(await walk(), ids.toReversed());
  });

  it('shuffled stays the same, by seed, and when an event comes in', async (t) => {
    const sandbox = await sandboxFor(t, { order: 'shuffled' });
    const ids = sandbox.generate(CONTRACT, RANGE).map(({ id }) => id);
    const before = uuids(await page(sandbox));
    assert.notDeepEqual(before, ids);
    assert.deepEqual([...before].sort(), [...ids].sort());
    assert.deepEqual(uuids(await page(sandbox)), before);
    sandbox.addEvents(CONTRACT, [{ raw: '{"@uuid":"new"}', time: NOW - 1000 }]);
    assert.deepEqual(
      uuids(await page(sandbox)).filter((id) => id !== 'new'),
      before,
    );

    const other = await sandboxFor(t, { order: 'shuffled', seed: 2 });
    other.addEvents(
      CONTRACT,
      sandbox.events(CONTRACT).map(({ bytes, time }) => ({ raw: bytes, time })),
    );
    assert.notDeepEqual(uuids(await page(other)), uuids(await page(sandbox)));
  });

  it('reshuffled changes with each request', async (t) => {
    const sandbox = await sandboxFor(t, { order: 'reshuffled' });
    sandbox.generate(CONTRACT, RANGE);
    const [one, two] = [uuids(await page(sandbox)), uuids(await page(sandbox))];
    assert.notDeepEqual(one, two);
    assert.deepEqual([...one].sort(), [...two].sort());
  });
});

describe('limits', () => {
  it('cut a limit without a word, or refuse it', async (t) => {
    const sandbox = await sandboxFor(t, { maxLimit: 10, limitBehaviour: 'cut' });
    sandbox.generate(CONTRACT, RANGE);
    assert.equal(uuids(await page(sandbox, 'limit=11')).length, 10);
    sandbox.options.limitBehaviour = 'refused';
    assert.equal((await ask(sandbox, `${PAGE}?limit=11`)).status, 400);
    assert.equal((await ask(sandbox, `${PAGE}?limit=10`)).status, 200);
  });

  it('end the depth of an offset, by either rule', async (t) => {
    const sandbox = await sandboxFor(t, { maxOffset: 20 });
    sandbox.generate(CONTRACT, RANGE);
    const status = async (query: string): Promise<unknown> => (await ask(sandbox, `${PAGE}?${query}`)).status;
    assert.equal(await status('offset=10&limit=10'), 200);
    assert.equal(await status('offset=11&limit=10'), 400);
    sandbox.options.offsetRule = 'offset';
    assert.equal(await status('offset=20&limit=10'), 200);
    assert.equal(await status('offset=21&limit=10'), 400);
  });

  it('give the first page for any offset when told to ignore it', async (t) => {
    const sandbox = await sandboxFor(t, { ignoreOffset: true });
    sandbox.generate(CONTRACT, RANGE);
    assert.equal(await page(sandbox, 'limit=5&offset=25'), await page(sandbox, 'limit=5'));
  });
});

describe('transport', () => {
  for (const [mode, newline] of [
    ['lf', '\n'],
    ['crlf', '\r\n'],
  ] as const) {
    it(`pretty-prints with ${mode} and changes nothing else`, async (t) => {
      const sandbox = await sandboxFor(t, { pretty: mode });
      const raw = '{"@uuid":"a","s":"a, b: {\\"c\\"}\u2028\\n","e":{},"l":[],"n":[1.0,-0,1e400]}';
      sandbox.addEvents(CONTRACT, [{ raw, time: NOW }]);
      const text = await page(sandbox);
      assert.ok(text.startsWith(`{${newline}  "hits": {${newline}    "total": 1,${newline}`), text);
      assert.ok(text.includes(`${newline}          "e": {},${newline}          "l": [],${newline}`), text);
      assert.equal(compactJson(text), `{"hits":{"total":1,"hits":[{"_source":${raw}}]}}`);
    });
  }

  it('compresses for a client that accepts gzip, and for no other', async (t) => {
    const sandbox = await sandboxFor(t, { gzip: true });
    sandbox.generate(CONTRACT, RANGE);
    const plain = await ask(sandbox, PAGE, { headers: { 'accept-encoding': 'br, gzip;q=0' } });
    const zipped = await ask(sandbox, PAGE, { headers: { 'accept-encoding': 'br, gzip, deflate' } });
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    assert.deepEqual(gunzipSync(zipped.body), plain.body);
    assert.equal(await (await fetch(sandbox.url + PAGE, { headers: auth() })).text(), plain.text);
  });

  it('knows Content-Length and chunks', async (t) => {
    const sandbox = await sandboxFor(t, { chunkBytes: 100 });
    sandbox.generate(CONTRACT, RANGE);
    const whole = await ask(sandbox, PAGE);
    sandbox.options.chunked = true;
    const chunked = await ask(sandbox, PAGE);
    assert.equal(whole.headers['content-length'], `${whole.body.length}`);
    assert.equal(chunked.headers['content-length'], undefined);
    assert.equal(chunked.headers['transfer-encoding'], 'chunked');
    assert.ok(whole.complete && chunked.complete);
    assert.deepEqual(chunked.body, whole.body);
  });

  it('dates its answers by its clock and the skew', async (t) => {
    const sandbox = await sandboxFor(t, { dateSkewMs: -3_600_000 });
    assert.equal((await ask(sandbox, PAGE)).headers.date, 'Sat, 21 Nov 2026 19:30:00 GMT');
  });

  it('makes one contract slow and not the others', async (t) => {
    const sandbox = await sandboxFor(t, { latencyMs: (contract) => (contract === CONTRACT ? 3_600_000 : 0) });
    sandbox.addContract('31721060');
    const patience = new AbortController();
    const arrived = sandbox.nextRequest();
    const slow = ask(sandbox, PAGE, { signal: patience.signal });
    await arrived;
    assert.equal((await ask(sandbox, '/activitylog/v1/contracts/31721060')).status, 200);
    assert.equal(sandbox.requests[0]?.status, undefined);
    patience.abort();
    assert.equal((await slow).status, undefined);
    sandbox.options.latencyMs = 1;
    sandbox.addContract(CONTRACT);
    assert.equal((await ask(sandbox, PAGE)).status, 200);
  });
});

function auth(): Record<string, string> {
  return { authorization: 'Bearer sandbox-token' };
}
