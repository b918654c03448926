import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { formatSecond } from '../../src/lib/duration.ts';
import { PageError } from '../../src/lib/errors.ts';
import { IonosReader, providerFor, type ReaderOptions } from '../helpers/ionos-reader.ts';
import { NOW, sandboxFor } from '../sandbox/exchange.ts';
import type { Sandbox, SandboxSettings } from '../sandbox/server.ts';

const CONTRACT = '9876543218374837483';
const MINUTE = 60_000;
const DAY = 86_400_000;
const START = NOW - 5 * MINUTE;
const never = new AbortController().signal;

async function scene(
  t: TestContext,
  settings: SandboxSettings,
  { start = START, count = 60, ...options }: ReaderOptions & { start?: number; count?: number } = {},
): Promise<{ sandbox: Sandbox; reader: IonosReader }> {
  const sandbox = await sandboxFor(t, settings);
  sandbox.addContract(CONTRACT);
  sandbox.generate(CONTRACT, { count, from: start, to: NOW });
  return { sandbox, reader: new IonosReader(t, sandbox, CONTRACT, start, options) };
}

function texts(sandbox: Sandbox, fits: (time: number) => boolean = () => true): string[] {
  return sandbox
    .events(CONTRACT)
    .filter(({ time }) => fits(time))
    .map(({ text }) => text);
}

function assertPrinted(reader: IonosReader, expected: readonly string[]): void {
  assert.deepEqual(reader.lines.toSorted(), expected.toSorted());
}

describe('contracts were missing, since the list has more pages', () => {
  const contracts = ['1', '2', '3', '4', '5'];

  async function listed(t: TestContext, settings: SandboxSettings) {
    const sandbox = await sandboxFor(t, { contractsPerPage: 2, ...settings });
    for (const contract of contracts) sandbox.addContract(contract);
    const { provider, log } = providerFor(t, sandbox);
    return { ids: (await provider.sources(never)).map(({ id }) => id), log, sandbox };
  }

  for (const contractsNext of ['_links', 'offset', 'total'] as const) {
    it(`${contractsNext}: they are followed to the end`, async (t) => {
      const { ids, log } = await listed(t, { contractsNext });
      assert.deepEqual(ids, contracts);
      assert.deepEqual(log.messages, []);
    });
  }

  it('a link to another origin is not followed, and that is said', async (t) => {
    const { ids, log, sandbox } = await listed(t, { contractsNext: 'foreign' });
    assert.deepEqual(ids, ['1', '2']);
    assert.match(
      log.messages.join('\n'),
      /^warn: the list of contracts has more than the 2 contracts read so far, .*--contract$/,
    );
    assert.equal(sandbox.requests.length, 1);
  });

  it('a page that cannot be read leaves the others, and that is said', async (t) => {
    const sandbox = await sandboxFor(t, { contractsPerPage: 2 });
    for (const contract of contracts) sandbox.addContract(contract);
    sandbox.fail({ skip: 1, fault: { type: 'status', status: 404 } });
    const { provider, log } = providerFor(t, sandbox);
    assert.equal((await provider.sources(never)).length, 2);
    assert.match(log.messages.join('\n'), /cannot be read to its end \(HTTP 404/);
  });
});

describe('events that happened later were missing', () => {
  it("since the API's clock ran ahead of ours, and the cursor passed our own present", async (t) => {
    const { sandbox, reader } = await scene(t, { dateSkewMs: 30 * MINUTE });
    await reader.poll();
    await reader.poll();
    assert.equal(reader.cursor, formatSecond(NOW / 1000));
    assertPrinted(reader, texts(sandbox));
  });
});

describe('events were missing, since an answer was not complete', () => {
  for (const incomplete of ['timed_out', '_shards'] as const) {
    it(`${incomplete}: the page is asked for again`, async (t) => {
      const { sandbox, reader } = await scene(t, { incomplete });
      await assert.rejects(reader.poll(), { name: 'ApiError', message: /says it is not complete/ });
      assert.equal(sandbox.requests.length, 5);
      assert.equal(reader.cursor, formatSecond(START / 1000));
      sandbox.options.incomplete = 'no';
      await reader.poll();
      assertPrinted(reader, texts(sandbox));
    });
  }
});

describe('a contract stood still, since the API refused the range', () => {
  it('the cursor is older than what it keeps: what is lost is said, and the rest is collected', async (t) => {
    const kept = 90 * DAY;
    const { sandbox, reader } = await scene(t, { keptMs: kept }, { start: NOW - 100 * DAY, count: 200 });
    await reader.poll();
    const horizon = NOW - kept + 1000;
    assertPrinted(
      reader,
      texts(sandbox, (time) => time >= horizon),
    );
    assert.equal(reader.cursor, formatSecond(NOW / 1000));
    assert.deepEqual(reader.log.messages, [
      `error: ionos/${CONTRACT}: the API refuses to go back so far (HTTP 400: dateStart must not be before the ` +
        `retention period); events from ${formatSecond((NOW - 100 * DAY) / 1000)} to ` +
        `${formatSecond(horizon / 1000)} cannot be collected`,
    ]);
    assert.match(reader.pages.find(({ gap }) => gap !== undefined)?.gap ?? '', /cannot be collected$/);
  });

  it('only the overlap is older: nothing is lost, and nothing is said', async (t) => {
    const { sandbox, reader } = await scene(
      t,
      { keptMs: 10 * MINUTE },
      { start: NOW - 9 * MINUTE, overlapMs: 5 * MINUTE },
    );
    const late = new IonosReader(t, sandbox, CONTRACT, NOW - 20 * MINUTE);
    late.cursor = formatSecond((NOW - 9 * MINUTE) / 1000);
    await late.poll();
    assertPrinted(late, texts(sandbox));
    assert.deepEqual([late.log.messages, reader.lines], [[], []]);
  });

  it('the range is too long: it is read in parts, and nothing is lost', async (t) => {
    const { sandbox, reader } = await scene(t, { maxRangeMs: DAY }, { start: NOW - 7 * DAY, count: 200 });
    await reader.poll();
    assertPrinted(reader, texts(sandbox));
    assert.deepEqual(reader.log.messages, []);
    assert.ok(sandbox.requests.length < 60, `${sandbox.requests.length} requests`);
  });
});

describe('a contract stood still, since one hit is not an event', () => {
  const BAD = {
    null: 'null',
    text: '"text"',
    'a raw control character': '{"@uuid":"bad","a":"\u0001"}',
    NaN: '{"@uuid":"bad","n":NaN}',
  };
  for (const [name, raw] of Object.entries(BAD)) {
    it(`${name}: it is set aside, and all others are delivered`, async (t) => {
      const { sandbox, reader } = await scene(t, { order: 'shuffled' });
      const good = texts(sandbox);
      sandbox.addEvents(CONTRACT, [{ raw, time: START + 100_000 }]);
      await assert.rejects(reader.poll(), PageError);
      assert.deepEqual([reader.lines, reader.rejected], [[], []]);
      reader.isolatesBadEvents = true;
      await reader.poll();
      assertPrinted(reader, good);
      assert.deepEqual(reader.rejected, [`{"_source":${raw}}`]);
      assert.equal(reader.cursor, formatSecond(NOW / 1000));
    });

    it(`${name}: as long as it is in the overlap, a poll costs two more requests, not twenty`, async (t) => {
      const { sandbox, reader } = await scene(t, {});
      const good = texts(sandbox);
      sandbox.addEvents(CONTRACT, [{ raw, time: START + 100_000 }]);
      reader.isolatesBadEvents = true;
      await reader.poll();
      assertPrinted(reader, good);
      assert.equal(sandbox.requests.length, 3);
    });
  }

  it('quotes that are not in pairs: all others are delivered', async (t) => {
    const { sandbox, reader } = await scene(t, {});
    const good = texts(sandbox);
    sandbox.addEvents(CONTRACT, [{ raw: '{"message":"he said "no}', time: START + 100_000 }]);
    reader.isolatesBadEvents = true;
    await reader.poll();
    assertPrinted(reader, good);
    assert.deepEqual(reader.rejected, ['{"_source":{"message":"he said "no}}']);
  });

  it('many in one second, beside good ones: all of them are set aside', async (t) => {
    const { sandbox, reader } = await scene(t, {});
    const time = START + 100_000;
    sandbox.generate(CONTRACT, { count: 10, from: time, to: time + 1000 });
    const good = texts(sandbox);
    sandbox.addEvents(
      CONTRACT,
      Array.from({ length: 5 }, (_, n) => ({ raw: `{"n":${n},"bad":+1}`, time: time + n * 200 })),
    );
    reader.isolatesBadEvents = true;
    await reader.poll();
    assertPrinted(reader, good);
    assert.deepEqual(reader.rejected.length, 5);
  });

  it('a page for people in the place of every answer is not taken for a bad event', async (t) => {
    const { sandbox, reader } = await scene(t, {});
    sandbox.fail({ times: Infinity, fault: { type: 'body', body: '<html>Sign in</html>' } });
    reader.isolatesBadEvents = true;
    await assert.rejects(reader.poll(), PageError);
    assert.deepEqual(reader.rejected, []);
    assert.equal(reader.cursor, formatSecond(START / 1000));
  });

  it('an event that is bad once is delivered', async (t) => {
    const { sandbox, reader } = await scene(t, {});
    sandbox.fail({ fault: { type: 'bad-event' } });
    reader.isolatesBadEvents = true;
    await reader.poll();
    assertPrinted(reader, texts(sandbox));
    assert.deepEqual(reader.rejected, []);
  });
});

describe('events were missing, since the API leaves a page empty before the end', () => {
  for (const filtered of [
    [20, 40],
    [0, 20],
    [0, 45],
  ] as const) {
    it(`places ${filtered.join(' to ')}: the others are collected, and the gap is said`, async (t) => {
      const { sandbox, reader } = await scene(t, { filtered }, { pageSize: 20 });
      const all = texts(sandbox);
      await reader.poll();
      assertPrinted(
        reader,
        all.filter((_, place) => place < filtered[0] || place >= filtered[1]),
      );
      assert.equal(reader.cursor, formatSecond(NOW / 1000));
      assert.match(reader.log.messages.join('\n'), /counts 60 events between .*leaves some out of its pages: \d+ came/);
      assert.ok(sandbox.requests.length < 20, `${sandbox.requests.length} requests`);
    });
  }
});

describe('a request for a contract', () => {
  it("names the contract in X-Contract-Number, as resellers' users need it", async (t) => {
    const { sandbox, reader } = await scene(t, {});
    await providerFor(t, sandbox).provider.sources(never);
    await reader.poll();
    assert.deepEqual(
      sandbox.requests.map(({ kind, headers }) => [kind, headers['x-contract-number']]),
      [
        ['contracts', undefined],
        ['page', CONTRACT],
      ],
    );
  });
});
