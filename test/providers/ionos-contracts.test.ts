import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { scanContractList } from '../../src/providers/ionos-contracts.ts';
import '../helpers/properties.ts';

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
    const last = read(',"_links":{"next":null},"next":null,"offset":"5","limit":1,"total":6');
    assert.deepEqual([last.next, last.hasLinks, last.offset, last.limit, last.total], [undefined, true, 5, 1, 6]);
    assert.equal(read(',"total":{"value":1}').total, undefined);
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
