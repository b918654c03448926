import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { assertPrintedOnce } from '../helpers/account.ts';
import { type Collector, collectorFor } from '../helpers/collector.ts';
import { compactJson } from '../sandbox/json-text.ts';
import { type Sandbox, type SandboxSettings, startSandbox } from '../sandbox/server.ts';

/** Both are the same JavaScript number. */
const CONTRACTS = ['9876543218374837483', '9876543218374837482'] as const;
const SECOND = 1000;

/** What a parser that writes again would change. */
const BODIES = [
  '"n":9007199254740993',
  '"n":1.0',
  '"n":1e400,"m":-1E-400',
  '"n":-0,"m":-0.0,"l":0e0',
  '"n":123456789012345678901234567890.123456789012345678901234567890',
  '"b":1,"a":2,"10":3,"2":4',
  '"a":1,"a":2,"\\u0061":3',
  '"__proto__":{"a":1},"constructor":null',
  '"s":"\\ud83d"',
  '"s":"\\ude00\\ud83d"',
  '"s":"\\ud83d\\ude80 \\u0041 \\/ \\u002f"',
  '"s":"\u2028\u2029\u0085"',
  '"s":"\\u0000"',
  '"s":"größe 🚀 \u007f\ufeff\ufffd"',
  '"s":"{\\"hits\\":{\\"hits\\":[{\\"_source\\":{}}]}}","hits":{"total":1,"hits":[]}',
  '"source":[1],"items":[{}],"total":0',
  '"s":"","e":{},"l":[],"t":true,"f":false,"z":null',
  `"deep":${'['.repeat(60)}${']'.repeat(60)}`,
  `"long":"${'x'.repeat(200_000)}"`,
];

async function place(t: TestContext, settings: SandboxSettings): Promise<{ sandbox: Sandbox; collector: Collector }> {
  const sandbox = await startSandbox(settings);
  t.after(async () => sandbox.close());
  const start = Date.now() - 200 * SECOND;
  for (const contract of CONTRACTS) {
    sandbox.addEvents(
      contract,
      BODIES.map((body, nth) => {
        const time = start + nth * SECOND;
        const meta = `"meta":{"time":"${new Date(time).toISOString()}"}`;
        // With an identity, without one, and with one at the end.
        const id = `"@uuid":"${contract}-${nth}"`;
        const raws = [`{${id},${meta},${body}}`, `{${meta},${body},"c":${contract}}`, `{${body},${meta},${id}}`];
        return { raw: raws[nth % raws.length] ?? '', time };
      }),
    );
  }
  return { sandbox, collector: await collectorFor(t, sandbox) };
}

describe('events', { concurrency: 2 }, () => {
  const apis: readonly SandboxSettings[] = [
    {},
    { shape: 'hits/source', hitExtras: true, total: 'object', gzip: true },
    { shape: 'hits/bare', order: 'descending', chunked: true, chunkBytes: 7 },
    { shape: 'items', gzip: true, chunked: true },
    { shape: 'array', contractsShape: 'items', order: 'shuffled' },
  ];
  for (const settings of apis) {
    it(`come through byte for byte: ${JSON.stringify(settings)}`, async (t) => {
      const { sandbox, collector } = await place(t, settings);
      for (const _ of ['first', 'second']) {
        const { code, stderr, rest } = await collector.run('--page-size', '5');
        assert.deepEqual([code, rest.length], [0, 0], stderr);
        for (const contract of CONTRACTS) {
          const ids = new Set(sandbox.events(contract).map(({ text }) => text));
          const lines = collector.printed.filter((line) => ids.has(line.toString()));
          assertPrintedOnce(lines, sandbox.events(contract));
        }
        assert.equal(collector.printed.length, 2 * BODIES.length);
      }
      const asked = new Set(sandbox.requests.map(({ contract }) => contract).filter((number) => number !== undefined));
      assert.deepEqual(asked, new Set(CONTRACTS), 'numbers of 19 digits reach the URL unchanged');
      assert.deepEqual(
        Object.keys(collector.state().sources).sort(),
        CONTRACTS.map((number) => `ionos/${number}`).sort(),
      );
    });
  }

  for (const pretty of ['lf', 'crlf'] as const) {
    it(`become one line each when they are printed over several (${pretty})`, async (t) => {
      const { sandbox, collector } = await place(t, { pretty, hitExtras: true });
      const { code, stderr } = await collector.run('--page-size', '5');
      assert.equal(code, 0, stderr);
      const printed = collector.printed.map((line) => compactJson(line.toString('latin1'))).sort();
      const expected = CONTRACTS.flatMap((contract) => sandbox.events(contract)).map(({ bytes }) =>
        bytes.toString('latin1'),
      );
      assert.deepEqual(printed, expected.sort());
      for (const line of collector.printed) assert.doesNotMatch(line.toString('latin1'), /[\r\n]/);
    });
  }
});
