import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ApiError, PageError } from '../../src/lib/errors.ts';
import { listContracts, scanContractList } from '../../src/providers/ionos-contracts.ts';
import { captureLog } from '../helpers/captured-log.ts';
import '../helpers/properties.ts';
import { ScriptedApi } from '../helpers/scripted-api.ts';

describe('scanContractList', () => {
  it('reads numbers of any length as the text that they are', () => {
    const number = fc.stringMatching(/^[1-9][0-9]{0,29}$/);
    fc.assert(
      fc.property(fc.array(number), fc.boolean(), (numbers, isArray) => {
        const list = `[${numbers.map((id) => `{"id":${id},"type":"contracts"}`).join(', ')}]`;
        assert.deepEqual(scanContractList(Buffer.from(isArray ? list : `{"items":${list}}`)).numbers, numbers);
      }),
    );
  });

  const lists: [string, string[]][] = [
    ['[]', []],
    ['[{"id":9876543218374837483}]', ['9876543218374837483']],
    ['{"items":[{"id":"31721060"}],"x":{}}', ['31721060']],
    ['[{"type":"contracts"},{"id":null},{"id":""},5,{"id":1}]', ['1']],
  ];
  for (const [list, numbers] of lists) {
    it(`reads ${list}`, () => assert.deepEqual(scanContractList(Buffer.from(list)).numbers, numbers));
  }

  it('reads where the next page is, in the forms that IONOS APIs use', () => {
    const read = (rest: string) => scanContractList(Buffer.from(`{"items":[{"id":1}]${rest}}`));
    assert.deepEqual(read(''), {
      numbers: ['1'],
      entries: 1,
      next: undefined,
      hasLinks: false,
      offset: undefined,
      limit: undefined,
      total: undefined,
    });
    assert.equal(read(',"_links":{"self":"a","next":"b"}').next, 'b');
    assert.equal(read(',"_links":{"next":{"x":1,"href":"b"}}').next, 'b');
    assert.equal(read(',"next":"b"').next, 'b');
    assert.equal(read(',"next":"b","_links":{"next":null}').next, 'b');
    assert.equal(read(',"_links":{"next":"b"},"next":null').next, 'b');
    assert.deepEqual([read(',"_links":null').next, read(',"_links":[]').hasLinks], [undefined, false]);
    const last = read(',"_links":{"next":null},"next":null,"offset":"5","limit":1,"total":6');
    assert.deepEqual([last.next, last.hasLinks, last.offset, last.limit, last.total], [undefined, true, 5, 1, 6]);
    assert.equal(read(',"total":{"value":1}').total, undefined);
    for (const name of ['total', 'totalCount', 'count']) assert.equal(read(`,"${name}":6`).total, 6, name);
    assert.equal(read(',"count":1,"totalCount":5,"total":6').total, 6);
  });

  const refused: [string, RegExp][] = [
    ['{}', /^it has no list of contracts \(items or an array\)$/],
    ['{"items":null}', /^it has no list of contracts/],
    ['[{"type":"contracts"},5]', /^none of its 2 contracts has an id$/],
    ['null', /^it is neither an object nor an array$/],
    ['<html>', /^it is not JSON/],
    ['[{"id":1}', /^it is not JSON: it ends after 9 bytes/],
    ['[{"id":01}]', /^it is not JSON: unexpected byte at 8$/],
  ];
  for (const [list, message] of refused) {
    it(`refuses ${list}`, () =>
      assert.throws(() => scanContractList(Buffer.from(list)), { name: 'PageError', message }));
  }
});

describe('the contracts that the token sees', () => {
  const list = (numbers: readonly number[], rest: object = {}): string =>
    JSON.stringify({ items: numbers.map((id) => ({ id })), ...rest });

  async function read(...answers: readonly (string | Error)[]) {
    const api: ScriptedApi = new ScriptedApi(() => answers[api.asked.length - 1] ?? new Error('asked too often'));
    const log = captureLog();
    const numbers = await listContracts({ api, log }, new AbortController().signal);
    return { numbers, asked: api.asked.map(({ pathname, search }) => `${pathname}${search}`), said: log.messages };
  }

  it('are on one page, mostly', async () => {
    const { numbers, asked, said } = await read(list([1, 2], { offset: 0, limit: 10, total: 2 }));
    assert.deepEqual([numbers, asked, said], [['1', '2'], ['/v1/contracts'], []]);
  });

  it('are followed by their links, absolute or relative, and each is named once', async () => {
    const { numbers, asked, said } = await read(
      list([1, 2], { _links: { next: 'https://api.example.com/v1/contracts?page=2' }, total: 5 }),
      list([2, 3], { _links: { next: { href: '?page=3' } }, total: 5 }),
      list([4], { _links: {}, total: 5 }),
    );
    assert.deepEqual(asked, ['/v1/contracts', '/v1/contracts?page=2', '/v1/contracts?page=3']);
    assert.deepEqual([numbers, said], [['1', '2', '3', '4'], []]);
  });

  it('are followed by offset where pages are full, or the total is not reached', async () => {
    for (const [first, last] of [
      [
        { offset: 0, limit: 2 },
        { offset: 2, limit: 2 },
      ],
      [{ total: 3 }, { total: 3 }],
    ]) {
      const { numbers, asked } = await read(list([1, 2], first), list([3], last));
      assert.deepEqual(asked, ['/v1/contracts', '/v1/contracts?offset=2&limit=2']);
      assert.deepEqual(numbers, ['1', '2', '3']);
    }
    const ones = [1, 2].map((id, offset) => list([id], { offset, limit: 1 }));
    assert.deepEqual((await read(...ones, list([], { offset: 2, limit: 1 }))).numbers, ['1', '2']);
  });

  it('are not asked for again where a page is not full, has no limit, or is empty', async () => {
    for (const rest of [{ offset: 0, limit: 3 }, { offset: 0 }, { limit: 2 }, { limit: 0, offset: 0 }, { total: 2 }]) {
      assert.equal((await read(list([1, 2], rest))).asked.length, 1, JSON.stringify(rest));
    }
    assert.deepEqual((await read(list([], { offset: 0, limit: 0, total: 0 }))).numbers, []);
  });

  it('are no loop where a page comes again, or leads to one that was read', async () => {
    const same = list([1, 2], { _links: { next: '?page=1' } });
    const { asked } = await read(list([1, 2], { _links: { next: '?page=1' } }), same, same);
    assert.equal(asked.length, 2);
    const endless = await read(...[2, 3, 4].map((next) => list([1, 2], { _links: { next: `?page=${next}` } })));
    assert.deepEqual([endless.asked.length, endless.said], [2, []]);
    const circle = await read(
      list([1], { _links: { next: '?page=2' } }),
      list([2], { _links: { next: 'https://api.example.com/v1/contracts' } }),
    );
    assert.deepEqual([circle.asked.length, circle.numbers, circle.said], [2, ['1', '2'], []]);
  });

  it('are those that were read where the rest cannot be, and a warning says so', async () => {
    const warning = (why: string, read = '2 contracts') =>
      `warn: the list of contracts has more than the ${read} read so far, but cannot be read to its end (${why}); ` +
      'name the missing ones with --contract';
    const more = list([1, 2], { _links: { next: '?page=2' } });
    for (const [first, second, why] of [
      [more, new ApiError('HTTP 500', { status: 500, retryable: false }), 'HTTP 500'],
      [more, new PageError('it is cut off'), 'it is cut off'],
      [list([1, 2], { next: 'https://elsewhere.example.com/' }), '', 'https://elsewhere.example.com is not the API'],
      [list([1, 2], { total: 3 }), list([1], { total: 3 }), undefined],
      [list([1, 2], { _links: {}, total: 5 }), '', 'it counts 5, and its pages end after 2'],
      [list([1, 2], { next: 'https://[' }), '', 'Invalid URL'],
    ] as const) {
      const { numbers, said } = await read(first, second);
      assert.deepEqual(numbers, ['1', '2']);
      assert.deepEqual(said, why === undefined ? [] : [warning(why)]);
    }
    const one = await read(list([1], { _links: {}, total: 5 }));
    assert.deepEqual(one.said, [warning('it counts 5, and its pages end after 1', '1 contract')]);
  });

  it('are an error where none could be read, where the token is refused, and where the program is wrong', async () => {
    const more = list([1], { _links: { next: '?page=2' } });
    await assert.rejects(read(new ApiError('HTTP 500', { status: 500, retryable: false })), /HTTP 500/);
    await assert.rejects(read(more, new ApiError('HTTP 401', { status: 401, retryable: false })), /HTTP 401/);
    await assert.rejects(read(more, new RangeError('a fault')), RangeError);
  });
});
