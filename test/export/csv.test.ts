import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { csvColumns, csvHeader, csvWriter } from '../../src/export/csv.ts';
import { EventReader, toLines } from '../../src/events/event.ts';
import { JsonReader } from '../../src/events/json-reader.ts';
import { cloudscale } from '../../src/providers/cloudscale.ts';
import { ionos } from '../../src/providers/ionos.ts';
import type { ProviderDefinition } from '../../src/providers/provider.ts';
import { assertGolden } from '../helpers/golden.ts';

const CONTRACT = '9876543218374837483';
const definition: ProviderDefinition = { ...cloudscale, csvColumns: { value: ['value'], after: ['after'] } };

function row(
  event: string,
  provider = definition,
  contract?: string,
  separator?: 'comma' | 'semicolon' | 'tab',
): string {
  const json = Buffer.from(event);
  const source = { id: 'x', name: 'x', ...(contract === undefined ? {} : { contract }) };
  const read = new EventReader({ id: undefined, time: ['time'] }).read(new JsonReader(json, 0));
  return toLines([csvWriter(provider, separator)(read, source)]).toString();
}

describe('csv', () => {
  const cells: [string, string, string][] = [
    ['a text', '"plain"', 'plain'],
    ['a text with umlauts and escapes', '"Gr\\u00f6\\u00dfe \\ud83d\\ude80 ü"', 'Größe 🚀 ü'],
    ['a comma', '"a,b"', '"a,b"'],
    ['quotes', '"a \\"b\\""', '"a ""b"""'],
    ['line breaks and tabs', '"a\\r\\nb\\tc"', 'a\\r\\nb\\tc'],
    ['what commands a terminal', '"\\u001b[2J\\u009b"', '\\u001b[2J\\u009b'],
    ['line breaks of Unicode', '"a\\u2028b"', 'a\\u2028b'],
    ['half a character', '"\\ud800"', '\\ud800'],
    ['a formula', '"=HYPERLINK(\\"http://x\\")"', '"\'=HYPERLINK(""http://x"")"'],
    ['other formulas', '"@SUM(A1)"', "'@SUM(A1)"],
    ['a text that begins with a minus', '"-1"', "'-1"],
    ['a number that is negative', '-1.50', '-1.50'],
    ['a number that a spreadsheet would round', '9007199254740993', '"=""9007199254740993"""'],
    ['a number of 15 digits', '123456789012345', '123456789012345'],
    ['a truth value', 'true', 'true'],
    ['null', 'null', ''],
    ['an empty text', '""', ''],
    ['a list', '[1, "a"]', '"[1, ""a""]"'],
    ['an object in several lines', '{\n  "a": [\r\n    1\n  ]\n}', '"{""a"": [1]}"'],
  ];
  for (const [name, json, cell] of cells) {
    it(`writes ${name}`, () => assert.equal(row(`{"value":${json},"after":0}`), `${cell},0\n`));
  }

  for (const [separator, header, cells] of [
    ['comma', 'value,after', '"a,b;c",0'],
    ['semicolon', 'value;after', '"a,b;c";0'],
    ['tab', 'value\tafter', 'a,b;c\t0'],
  ] as const) {
    it(`puts a ${separator} between the cells, and quotes around a cell that has one`, () => {
      assert.equal(csvHeader(definition, separator).toString(), `${header}\n`);
      assert.equal(row('{"value":"a,b;c","after":0}', definition, undefined, separator), `${cells}\n`);
    });
  }

  it('leaves out what an event does not have', () => {
    assert.equal(row('{"other":{"value":1}}'), ',\n');
    assert.equal(row('{}'), ',\n');
  });

  it('writes the contract as the second column, as the text that it is', () => {
    assert.equal(csvColumns(ionos)[1], 'contract');
    assert.equal(row('{"meta":{"time":"t"}}', ionos, CONTRACT).split(',', 2).join(), `t,"=""${CONTRACT}"""`);
    assert.ok(!csvColumns(cloudscale).includes('contract'));
  });

  it('has the columns that the README names', () => {
    const readme = readFileSync('README.md', 'utf8');
    for (const provider of [ionos, cloudscale]) {
      const columns = csvColumns(provider).map((name) => `\`${name}\``);
      assert.match(readme, new RegExp(`^- \\*\\*${provider.name}\\*\\*: ${columns.join(', ')}$`, 'm'));
    }
  });

  it('looks like this', () => {
    const ionosEvent =
      '{"@uuid":"1b9f","meta":{"auditVersion":"0.1","requestId":"r1","queueRefId":null,"time":"2026-11-21T20:25:55.120Z",' +
      '"transactionId":"t1"},"principal":{"sourceIP":"203.0.113.7","sourceService":"DCD","serviceHost":"dcd-1",' +
      `"identity":{"contractNumber":${CONTRACT},"username":"anna@example.com"}},"event":{"type":"Provision","status":200,` +
      '"message":"Volume \\"daten\\", resized","param":{"size":10.0},"resources":[{"type":"VOLUME","id":7,"action":["UPDATE"]}]}}';
    const entry =
      '{"ip_address":null,"action":"server_create","message":"Server web-1 created","timestamp":"2026-11-21T20:25:55.123456Z",' +
      '"actor":{"user":{"email":"anna@example.com","name":"Anna"}},"subject":{"type":"server","name":"web-1"}}';
    assertGolden('export/ionos.csv', csvHeader(ionos).toString() + row(ionosEvent, ionos, CONTRACT));
    assertGolden('export/cloudscale.csv', csvHeader(cloudscale).toString() + row(entry, cloudscale));
  });
});
