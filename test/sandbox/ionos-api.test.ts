import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, CONTRACT, NOW, PAGE, sandboxFor, uuids } from './exchange.ts';

const CONTRACTS = '/activitylog/v1/contracts';

describe('contract list', () => {
  it('writes each number as a bare integer, however long', async (t) => {
    const sandbox = await sandboxFor(t);
    sandbox.addContract(CONTRACT);
    sandbox.addContract('31721060');
    const { status, text } = await ask(sandbox, CONTRACTS);
    assert.equal(status, 200);
    assert.match(text, /^\[\{"id":9876543218374837483,"type":"contracts","href":"[^"]+"\},\{"id":31721060,/);
  });

  it('comes as items, too', async (t) => {
    const sandbox = await sandboxFor(t, { contractsShape: 'items' });
    assert.equal((await ask(sandbox, CONTRACTS)).text, '{"items":[]}');
  });

  it('holds 10,000 contracts', async (t) => {
    const sandbox = await sandboxFor(t);
    for (let n = 0; n < 10_000; n++) sandbox.addContract(`${40_000_000 + n}`);
    assert.equal((JSON.parse((await ask(sandbox, CONTRACTS)).text) as unknown[]).length, 10_000);
    assert.equal((await ask(sandbox, `${CONTRACTS}/40009999`)).text, '{"hits":{"total":0,"hits":[]}}');
  });
});

describe('access', () => {
  it('needs the token', async (t) => {
    const sandbox = await sandboxFor(t);
    for (const token of [null, 'another']) {
      const { status, text } = await ask(sandbox, CONTRACTS, { token });
      assert.equal(status, 401);
      assert.equal(text, '{"httpStatus":401,"messages":[{"errorCode":"sandbox-401","message":"Unauthorized"}]}');
    }
  });

  it('is open to user name and password when there are some', async (t) => {
    const sandbox = await sandboxFor(t, { token: null, basic: { username: 'anna@example.com', password: 'ä:b' } });
    const basic = (password: string): Record<string, string> => ({
      authorization: `Basic ${Buffer.from(`anna@example.com:${password}`).toString('base64')}`,
    });
    assert.equal((await ask(sandbox, CONTRACTS, { headers: basic('ä:b') })).status, 200);
    assert.equal((await ask(sandbox, CONTRACTS, { headers: basic('wrong') })).status, 401);
    assert.equal((await ask(sandbox, CONTRACTS, { token: 'null' })).status, 401);
  });

  it('answers 403, 404 and 405 where due', async (t) => {
    const sandbox = await sandboxFor(t, { forbiddenContracts: [CONTRACT] });
    sandbox.addContract(CONTRACT);
    assert.equal((await ask(sandbox, PAGE)).status, 403);
    assert.equal((await ask(sandbox, `${CONTRACTS}/1`)).status, 404);
    assert.equal((await ask(sandbox, '/activitylog/v2/contracts')).status, 404);
    const { status, headers } = await ask(sandbox, CONTRACTS, { method: 'POST' });
    assert.deepEqual([status, headers.allow], [405, 'GET']);
  });
});

describe('query', () => {
  const event = (id: string, time: number): { raw: string; time: number } => ({ raw: `{"@uuid":"${id}"}`, time });

  it('takes dateStart as inclusive and dateEnd as exclusive', async (t) => {
    const sandbox = await sandboxFor(t);
    sandbox.addEvents(CONTRACT, [
      event('after', NOW),
      event('last', NOW - 1),
      event('first', NOW - 60_000),
      event('before', NOW - 60_001),
    ]);
    const { text } = await ask(sandbox, `${PAGE}?dateStart=2026-11-21T20:29:00Z&dateEnd=2026-11-21T20:30:00Z`);
    assert.deepEqual(uuids(text), ['first', 'last']);
  });

  it('ignores startDate and endDate', async (t) => {
    const sandbox = await sandboxFor(t);
    sandbox.addEvents(CONTRACT, [event('a', NOW - 3_600_000), event('b', NOW)]);
    const { text } = await ask(sandbox, `${PAGE}?startDate=2026-11-21T20:29:00Z&endDate=2026-11-21T20:30:00Z`);
    assert.deepEqual(uuids(text), ['a', 'b']);
  });

  const refused = [
    'dateStart=2026-11-21T20:29:00.000Z',
    'dateStart=2026-11-21T20:29:00%2B00:00',
    'dateStart=2026-02-30T00:00:00Z',
    'dateEnd=2026-11-21',
    'dateEnd=1795292755',
    'offset=-1',
    'offset=x',
    'limit=1e3',
    'limit=',
  ];
  for (const query of refused) {
    it(`refuses ${query}`, async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.addContract(CONTRACT);
      assert.equal((await ask(sandbox, `${PAGE}?${query}`)).status, 400);
    });
  }

  it('gives 20 hits by default, and skips offset hits', async (t) => {
    const sandbox = await sandboxFor(t);
    const ids = sandbox.generate(CONTRACT, { count: 50, from: NOW - 300_000, to: NOW }).map(({ id }) => id);
    assert.deepEqual(uuids((await ask(sandbox, PAGE)).text), ids.slice(0, 20));
    assert.deepEqual(uuids((await ask(sandbox, `${PAGE}?offset=45&limit=3`)).text), ids.slice(45, 48));
    assert.deepEqual(uuids((await ask(sandbox, `${PAGE}?offset=45&limit=30`)).text), ids.slice(45));
    assert.deepEqual(uuids((await ask(sandbox, `${PAGE}?offset=50`)).text), []);
  });
});

describe('request record', () => {
  it('keeps what came and what was answered', async (t) => {
    const sandbox = await sandboxFor(t);
    sandbox.addContract(CONTRACT);
    const next = sandbox.nextRequest(({ kind }) => kind === 'page');
    await ask(sandbox, CONTRACTS);
    await ask(sandbox, `${PAGE}?offset=10&dateStart=x`, { headers: { 'X-Odd-Case': '1' } });
    const [list] = sandbox.requests;
    const page = await next;
    assert.equal(sandbox.requests[1], page);
    assert.deepEqual([list?.kind, list?.status, list?.pageIndex], ['contracts', 200, 'first']);
    assert.deepEqual([page.status, page.contract, page.pageIndex, page.time], [400, CONTRACT, 'later', NOW]);
    assert.deepEqual(page.query, { offset: '10', dateStart: 'x' });
    assert.equal(page.path, PAGE);
    assert.ok(page.rawHeaders.includes('X-Odd-Case'));
    assert.equal(page.headers['authorization'], 'Bearer sandbox-token');
  });
});
