import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatSecond } from '../../src/lib/duration.ts';
import { ApiError, StateError } from '../../src/lib/errors.ts';
import { IonosReader, providerFor, type ReaderOptions } from '../helpers/ionos-reader.ts';
import {
  assertAllOnce,
  CONTRACT,
  readBehindOffsetLimit,
  readWhateverTheServerDoes,
  scene,
  START,
} from '../helpers/ionos-scene.ts';
import '../helpers/properties.ts';
import { NOW, sandboxFor } from '../sandbox/exchange.ts';
import type { NewEvent, Sandbox, SandboxSettings } from '../sandbox/server.ts';

const OTHER = '31721060';
const never = new AbortController().signal;

function offsets(sandbox: Sandbox): (string | undefined)[] {
  return sandbox.requests.map(({ query }) => query['offset']);
}

/** As many events of one second, all of them different. */
function ofOneSecond(count: number, time: number): NewEvent[] {
  return Array.from({ length: count }, (_, n) => ({
    raw: `{"@uuid":"${n}","meta":{"time":"${new Date(time).toISOString()}"}}`,
    time,
  }));
}

describe('a count', () => {
  it('is exact for more events than can be read by offset, and unknown where it may be a limit', async (t) => {
    const sandbox = await sandboxFor(t, { sizeBytes: 400 });
    sandbox.addContract(CONTRACT);
    const count = async () =>
      providerFor(t, sandbox).provider.count?.({ id: CONTRACT, name: '' }, START / 1000, NOW / 1000, never);
    assert.equal(await count(), 0);
    sandbox.generate(CONTRACT, { count: 10_000, from: START, to: NOW });
    assert.equal(await count(), undefined);
    sandbox.generate(CONTRACT, { count: 5, from: START, to: NOW });
    assert.equal(await count(), 10_005);
    sandbox.options.total = 'gte';
    assert.equal(await count(), undefined);
  });

  it('is unknown where the API refuses so long a range, so that verify and sweeps ask for less', async (t) => {
    const sandbox = await sandboxFor(t, { maxRangeMs: 6 * 3_600_000 });
    sandbox.addContract(CONTRACT);
    const { provider } = providerFor(t, sandbox);
    const count = async (hours: number) =>
      provider.count?.({ id: CONTRACT, name: '' }, NOW / 1000 - hours * 3600, NOW / 1000, never);
    assert.deepEqual([await count(7), await count(6)], [undefined, 0]);
    sandbox.options.maxRangeMs = 60_000;
    await assert.rejects(count(1), { status: 400 });
  });
});

describe('sources', () => {
  it('are the contracts that the token sees', async (t) => {
    for (const contractsShape of ['array', 'items'] as const) {
      const sandbox = await sandboxFor(t, { contractsShape });
      sandbox.addContract(CONTRACT);
      sandbox.addContract(OTHER);
      assert.deepEqual(await providerFor(t, sandbox).provider.sources(never), [
        { id: CONTRACT, name: `ionos/${CONTRACT}`, contract: CONTRACT },
        { id: OTHER, name: `ionos/${OTHER}`, contract: OTHER },
      ]);
    }
  });

  it('are those of --contract, without asking', async (t) => {
    const sandbox = await sandboxFor(t);
    const { provider } = providerFor(t, sandbox, { contracts: [OTHER, OTHER] });
    assert.deepEqual(await provider.sources(never), [{ id: OTHER, name: `ionos/${OTHER}`, contract: OTHER }]);
    assert.equal(sandbox.requests.length, 0);
  });

  it('may be none, and that is said', async (t) => {
    const { provider, log } = providerFor(t, await sandboxFor(t));
    assert.deepEqual(await provider.sources(never), []);
    assert.deepEqual(log.messages, ['warn: the token sees no contract: there is nothing to collect']);
  });

  it('have numbers of any length, which reach the URL as they came', async (t) => {
    const sandbox = await sandboxFor(t);
    const numbers = fc.oneof(
      fc.stringMatching(/^[1-9][0-9]{18}$/),
      fc.stringMatching(/^[1-9][0-9]{0,29}$/),
      fc.constantFrom(CONTRACT, '9007199254740993', '18446744073709551615'),
    );
    await fc.assert(
      fc.asyncProperty(numbers, async (number) => {
        sandbox.addContract(number);
        const listed = await providerFor(t, sandbox).provider.sources(never);
        assert.ok(listed.some(({ id, contract }) => id === number && contract === number));
        const reader = new IonosReader(t, sandbox, number, START);
        const seen = sandbox.requests.length;
        await reader.poll();
        assert.deepEqual(
          sandbox.requests.slice(seen).map(({ path, status }) => [path, status]),
          [[`/activitylog/v1/contracts/${number}`, 200]],
        );
      }),
      { numRuns: 50 },
    );
  });
});

describe('a poll asks', () => {
  it('in whole seconds, from the cursor less the overlap to now', async (t) => {
    const { sandbox, reader } = await scene(t, 0, { now: () => NOW + 999 }, { overlapMs: 60_500 });
    reader.cursor = '2026-11-21T20:28:00.900Z';
    await reader.poll();
    assert.deepEqual(
      sandbox.requests.map(({ query }) => ({ ...query })),
      [{ dateStart: '2026-11-21T20:26:59Z', dateEnd: '2026-11-21T20:30:00Z', offset: '0', limit: '1000' }],
    );
    assert.equal(reader.cursor, '2026-11-21T20:30:00Z');
  });

  it('from an hour before the cursor where the overlap is an hour', async (t) => {
    const { sandbox, reader } = await scene(t, 0, {}, { overlapMs: 3_600_000 });
    Object.assign(reader, { start: 0 });
    await reader.poll();
    assert.equal(sandbox.requests[0]?.query['dateStart'], formatSecond(START / 1000 - 3_600));
  });

  it('for nothing before the start', async (t) => {
    const { sandbox, reader } = await scene(t, 0, {});
    await reader.poll();
    assert.equal(sandbox.requests[0]?.query['dateStart'], formatSecond(START / 1000));
  });

  it('for nothing when no second has passed', async (t) => {
    const sandbox = await sandboxFor(t);
    const reader = new IonosReader(t, sandbox, CONTRACT, NOW);
    await reader.poll();
    assert.deepEqual([sandbox.requests, reader.pages, reader.cursor], [[], [], formatSecond(NOW / 1000)]);
  });

  it('for nothing from the end on, where there is one', async (t) => {
    const { sandbox, reader } = await scene(t, 100, {});
    const { provider } = providerFor(t, sandbox);
    const end = START / 1000 + 60;
    const times: number[] = [];
    const checkpoint = { cursor: formatSecond(START / 1000), start: START / 1000, end };
    for await (const { events } of provider.pages(reader.source, checkpoint, never)) {
      for (const { time = NaN } of events) times.push(time);
    }
    assert.ok(times.every((time) => time < end * 1000));
    assert.equal(times.length, sandbox.events(CONTRACT).filter(({ time }) => time < end * 1000).length);
  });

  it('page by page, by the events that came', async (t) => {
    const { sandbox, reader } = await scene(t, 250, { maxLimit: 100, limitBehaviour: 'cut' }, { pageSize: 200 });
    await reader.poll();
    assert.deepEqual(offsets(sandbox), ['0', '100', '200']);
    assert.deepEqual(
      sandbox.requests.map(({ query }) => query['limit']),
      ['200', '200', '200'],
    );
  });
});

describe('every event once', () => {
  const rows: [string, SandboxSettings, ReaderOptions?][] = [
    ['in the order of time', { order: 'ascending' }],
    ['newest first', { order: 'descending' }],
    ['in no order', { order: 'shuffled' }],
    ['in another order each time', { order: 'reshuffled' }],
    ['with source as the wrapper', { shape: 'hits/source' }],
    ['without a wrapper', { shape: 'hits/bare' }],
    ['in items', { shape: 'items' }],
    ['in an array', { shape: 'array' }],
    ['with what Elasticsearch adds', { hitExtras: true }],
    ['with the total as an object', { total: 'object' }],
    ['with the total as a lower bound', { total: 'gte' }],
    ['without a total', { total: 'missing' }],
    ['with a total that is too high', { total: 'overstated' }],
    ['from a server that cuts the limit', { maxLimit: 100, limitBehaviour: 'cut' }],
    ['from a server that cuts the limit and tells no total', { maxLimit: 20, limitBehaviour: 'cut', total: 'missing' }],
    ['from a server that refuses the limit', { maxLimit: 100, limitBehaviour: 'refused' }],
    ['from a server with an offset limit', { maxOffset: 300, offsetRule: 'offset' }, { pageSize: 100 }],
    ['from a server with a limit for offset and limit', { maxOffset: 300 }, { pageSize: 100 }],
    ['from a server with an offset limit and no total', { maxOffset: 300, total: 'missing' }, { pageSize: 100 }],
    ['from a server whose offset limit is below the page size', { maxOffset: 150 }],
    ['without identities', { uuid: 'missing' }],
    ['of which some have identities', { uuid: 'some', order: 'shuffled' }],
    ['of drifting types', { typeDrift: true, sizeBytes: null }],
    ['pretty-printed', { pretty: 'crlf' }],
    ['compressed and in chunks', { gzip: true, chunked: true, chunkBytes: 1000 }],
    ['with microseconds', { timeFormat: 'microseconds' }],
    ['with another time zone', { timeFormat: 'offset' }],
    ['in small pages', {}, { pageSize: 7 }],
  ];
  for (const [name, settings, options = { pageSize: 200 }] of rows) {
    it(name, async (t) => {
      const one = await scene(t, 700, settings, options);
      await one.reader.poll();
      if (settings.pretty === undefined) assertAllOnce(one);
      assert.equal(one.reader.lines.length, 700);
      assert.equal(one.reader.cursor, formatSecond(NOW / 1000));
      // Once more: all of it is in the overlap, and nothing is new.
      await one.reader.poll();
      assert.equal(one.reader.lines.length, 700);
    });
  }

  it('from a server that takes one at a time', async (t) => {
    const one = await scene(t, 100, { maxLimit: 1, limitBehaviour: 'refused' }, { pageSize: 16 });
    await one.reader.poll();
    assertAllOnce(one);
  });

  it('whatever the server does, and wherever the poll is interrupted', async (t) => {
    await readWhateverTheServerDoes(t, 40);
  });

  it('byte for byte', async (t) => {
    const events = [
      '{"@uuid":"a","n":[9007199254740993,1.0,1e400,-0,1E+2]}',
      '{"@uuid":"b","a":1,"a":2,"":{"a":3,"a":4}}',
      '{"@uuid":"c","s":"\\ud83d","t":"\\u00e9\u00e9\\/"}',
      '{"@uuid":"d","s":"\u2028\u2029\u0085\u007f"}',
      '{ "@uuid" :\t"e" , "contract" : 9876543218374837483 }',
      `{"@uuid":"f","deep":${'[{"a":'.repeat(50_000)}null${'}]'.repeat(50_000)}}`,
    ];
    for (const shape of ['hits/_source', 'hits/source', 'hits/bare', 'items', 'array'] as const) {
      const { sandbox, reader } = await scene(t, 0, { shape, gzip: true });
      sandbox.addEvents(
        CONTRACT,
        events.map((raw, n) => ({ raw, time: START + n * 1000 })),
      );
      await reader.poll();
      assert.deepEqual(reader.lines, events);
    }
  });

  it('of 2,500 with an offset limit of 1,000', async (t) => readBehindOffsetLimit(t, 2500, 1000, 100));

  it('when two are alike to the byte, on one page and across two', async (t) => {
    const twin = (second: number): NewEvent => {
      const time = START + second * 1000;
      return { raw: `{"n":${second},"meta":{"time":"${new Date(time).toISOString()}"}}`, time };
    };
    for (const pageSize of [1000, 10, 7, 2]) {
      const { sandbox, reader } = await scene(t, 0, { uuid: 'missing' }, { pageSize });
      sandbox.addEvents(
        CONTRACT,
        [...Array(40).keys()].flatMap((n) => [twin(n), twin(n)]),
      );
      await reader.poll();
      // Nothing tells them apart, so one of each is printed; that is no reason to stop.
      assert.deepEqual(reader.lines.toSorted(), [...Array(40).keys()].map((n) => String(twin(n).raw)).toSorted());
      assert.equal(reader.cursor, formatSecond(NOW / 1000));
      // They count as two where they come on one page: nothing is missing, and the window is not read again.
      if (pageSize === 1000) assert.equal(sandbox.requests.length, 1);
    }
  });
});

describe('more than can be had of one second', () => {
  for (const total of ['number', 'gte', 'missing'] as const) {
    it(`is said, and the poll continues after it: total ${total}`, async (t) => {
      const { sandbox, reader } = await scene(t, 50, { maxOffset: 10_000, total });
      sandbox.addEvents(CONTRACT, ofOneSecond(12_000, START + 100_000));
      await reader.poll();
      assert.equal(reader.lines.length, 10_050);
      assert.equal(new Set(reader.lines).size, 10_050);
      assert.equal(reader.cursor, formatSecond(NOW / 1000));
      const second = formatSecond((START + 100_000) / 1000);
      assert.deepEqual(reader.log.messages, [
        `error: ionos/${CONTRACT}: the API returns only the first 10000 of ${total === 'number' ? 12_000 : 'the'} events ` +
          `of the second ${second}`,
      ]);
    });
  }

  it('is had where the server has no such limit', async (t) => {
    const one = await scene(t, 50, {});
    one.sandbox.addEvents(CONTRACT, ofOneSecond(12_000, START + 100_000));
    await one.reader.poll();
    assertAllOnce(one);
    assert.deepEqual(one.reader.log.messages, []);
  });
});

describe('a limit that is refused', () => {
  for (const status of [400, 413, 414, 416, 422]) {
    it(`with ${status} is halved, and remembered for the run`, async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.generate(CONTRACT, { count: 300, from: START, to: NOW });
      sandbox.generate(OTHER, { count: 300, from: START, to: NOW });
      sandbox.fail({
        match: ({ query }) => Number(query['limit']) > 250,
        times: Infinity,
        fault: { type: 'status', status },
      });
      const { provider } = providerFor(t, sandbox);
      const checkpoint = { cursor: formatSecond(START / 1000), start: START / 1000 };
      for (const source of await provider.sources(never)) {
        let events = 0;
        for await (const page of provider.pages(source, checkpoint, never)) events += page.events.length;
        assert.equal(events, 300);
      }
      const limits = sandbox.requests.flatMap(({ query }) => query['limit'] ?? []);
      assert.deepEqual(limits, ['1000', '500', '250', '250', '250', '250']);
    });
  }

  it('down to one is an error of the request itself', async (t) => {
    const { sandbox, reader } = await scene(t, 10, {}, { pageSize: 8 });
    sandbox.fail({ times: Infinity, fault: { type: 'status', status: 400 } });
    await assert.rejects(reader.poll(), { name: 'ApiError', status: 400 });
    assert.deepEqual(
      sandbox.requests.map(({ query }) => query['limit']),
      // The last one asks for the latest minute: the range is not what the API refuses.
      ['8', '4', '2', '1', '1'],
    );
    assert.equal(reader.cursor, formatSecond(START / 1000));
  });

  it('is not what 403 or 404 mean', async (t) => {
    for (const status of [401, 403, 404]) {
      const { sandbox, reader } = await scene(t, 10, {});
      sandbox.fail({ fault: { type: 'status', status } });
      await assert.rejects(reader.poll(), { name: 'ApiError', status });
      assert.equal(sandbox.requests.length, 1);
    }
  });
});

describe('a server that sends the same again and again', () => {
  for (const total of ['missing', 'overstated'] as const) {
    it(`ends the source with an error, not in a loop: total ${total}`, async (t) => {
      const { sandbox, reader } = await scene(t, 3000, { ignoreOffset: true, total });
      await assert.rejects(reader.poll(), {
        name: 'PageError',
        message:
          /^the API (sends the same page again at offset \d+ between \S+ and \S+|counts \d+ events .* again and again)$/,
      });
      assert.ok(sandbox.requests.length < 150, `${sandbox.requests.length} requests`);
      assert.equal(reader.cursor, formatSecond(START / 1000));
    });
  }

  for (const total of ['number', 'object', 'gte'] as const) {
    it(`is asked for windows of one page: total ${total}`, async (t) => {
      const one = await scene(t, 3000, { ignoreOffset: true, total });
      await one.reader.poll();
      assertAllOnce(one);
    });

    it(`ends the source with an error when a second has more than a page: total ${total}`, async (t) => {
      const { sandbox, reader } = await scene(t, 100, { ignoreOffset: true, total });
      sandbox.addEvents(CONTRACT, ofOneSecond(3000, START));
      const second = [START / 1000, START / 1000 + 1].map(formatSecond).join(' and ');
      await assert.rejects(reader.poll(), {
        name: 'PageError',
        message: new RegExp(
          `^the API counts 30\\d\\d events between ${second}, but returned 1000 distinct ones, again and again$`,
        ),
      });
      assert.ok(sandbox.requests.length < 150, `${sandbox.requests.length} requests`);
    });
  }

  it('may count events and give none: that is an error, not an empty window', async (t) => {
    const { reader } = await scene(t, 0, { total: 'overstated', overstatedBy: 3 });
    await assert.rejects(reader.poll(), {
      name: 'PageError',
      message: /^the API counts 3 events between .*, but returned none$/,
    });
    assert.equal(reader.cursor, formatSecond(START / 1000));
  });

  it('may count more events than it has: what there is, is taken, and the poll continues', async (t) => {
    const one = await scene(t, 30, { total: 'overstated', overstatedBy: 3 });
    await one.reader.poll();
    assertAllOnce(one);
    assert.equal(one.reader.cursor, formatSecond(NOW / 1000));
    assert.deepEqual(one.reader.log.messages, [
      `error: ionos/${CONTRACT}: the API counts 33 events between ${formatSecond(START / 1000)} and ` +
        `${formatSecond(NOW / 1000)}, but its pages end after 30`,
    ]);
    assert.match(one.reader.pages.at(-1)?.gap ?? '', /^the API counts 33 events .* end after 30$/);
  });

  it('may be short for a moment: it is asked until all that it counts has come', async (t) => {
    const one = await scene(t, 25, { total: 'overstated', overstatedBy: 15 });
    let pages = 0;
    await one.reader.poll(() => {
      if (++pages !== 3) return;
      one.sandbox.addEvents(CONTRACT, ofOneSecond(15, START + 1000));
      one.sandbox.options.total = 'number';
    });
    assertAllOnce(one);
    assert.deepEqual(one.reader.log.messages, []);
  });

  it('may answer in another order each time: what the passes brought is put together', async (t) => {
    const one = await scene(t, 0, { maxLimit: 20, limitBehaviour: 'cut', order: 'reshuffled' });
    one.sandbox.addEvents(CONTRACT, ofOneSecond(30, START + 1000));
    await one.reader.poll();
    assertAllOnce(one);
    assert.deepEqual(one.reader.log.messages, []);
    assert.ok(offsets(one.sandbox).filter((offset) => offset === '0').length > 1, 'one pass brings not all of them');
  });

  it('may have the same event twice, on two pages: the others are taken, and the poll continues', async (t) => {
    const one = await scene(t, 0, { maxLimit: 20, limitBehaviour: 'cut', order: 'ascending' });
    const events = ofOneSecond(30, START + 1000);
    one.sandbox.addEvents(CONTRACT, [...events, ...events.slice(0, 1)]);
    await one.reader.poll();
    assert.deepEqual(
      one.reader.lines,
      events.map(({ raw }) => String(raw)),
    );
    assert.equal(one.reader.cursor, formatSecond(NOW / 1000));
    assert.match(
      one.reader.pages.at(-1)?.gap ?? one.reader.log.messages.join(),
      /counts 31 events .* returned 30 distinct ones/,
    );
  });
});

describe('pages that shift while they are read', () => {
  for (const order of ['ascending', 'descending', 'shuffled'] as const) {
    for (const total of ['number', 'missing'] as const) {
      it(`lose nothing: ${order}, total ${total}`, async (t) => {
        const one = await scene(t, 200, { order, total }, { pageSize: 20 });
        let added = 0;
        await one.reader.poll(() => {
          if (added >= 18) return;
          // Late ones, at the beginning, in the middle and at the end of what is being read.
          const at = [START + added, START + 150_000 + added, NOW - 1000 + added];
          one.sandbox.addEvents(
            CONTRACT,
            at.map((time) => ({ raw: `{"@uuid":"new-${added++}"}`, time })),
          );
        });
        // What came up behind the place that was read already comes with the next poll.
        await one.reader.poll();
        assertAllOnce(one);
      });
    }
  }
});

describe('late events', () => {
  it('are found inside of the overlap, and marked as such', async (t) => {
    let now = NOW;
    const { sandbox, reader } = await scene(t, 20, { now: () => now }, { overlapMs: 60_000 });
    sandbox.addEvents(CONTRACT, [
      { raw: '{"@uuid":"late"}', time: NOW - 50_000, visibleFrom: NOW + 5000 },
      { raw: '{"@uuid":"too late"}', time: NOW - 70_000, visibleFrom: NOW + 5000 },
    ]);
    await reader.poll();
    assert.equal(reader.lines.length, 20);
    assert.ok(reader.pages.every(({ lateBefore }) => lateBefore === undefined || lateBefore === START / 1000));
    now = NOW + 10_000;
    await reader.poll();
    assert.deepEqual(reader.lines.slice(20), ['{"@uuid":"late"}']);
    assert.equal(reader.pages.at(-2)?.lateBefore, NOW / 1000);
    assert.deepEqual(reader.pages.at(-2)?.between, { from: NOW / 1000 - 60, to: now / 1000 });
  });

  it('come once, however the polls fall', async (t) => {
    const OVERLAP_S = 60;
    const events = fc.array(
      fc.record({
        at: fc.nat({ max: 300_000 }),
        late: fc.oneof(fc.constant(0), fc.nat({ max: (OVERLAP_S - 2) * 1000 })),
      }),
      { maxLength: 60 },
    );
    const order = fc.constantFrom('ascending', 'descending', 'shuffled');
    await fc.assert(
      fc.asyncProperty(
        events,
        fc.array(fc.nat({ max: 300_000 })),
        order,
        fc.boolean(),
        async (list, polls, ...rest) => {
          const [given, withUuid] = rest;
          let now = NOW;
          const sandbox = await sandboxFor(t, { now: () => now, order: given });
          sandbox.addEvents(
            CONTRACT,
            list.map(({ at, late }, n) => ({
              raw: `{${withUuid ? `"@uuid":"${n}",` : ''}"n":${n},"meta":{"time":"${new Date(NOW + at).toISOString()}"}}`,
              time: NOW + at,
              visibleFrom: NOW + at + late,
            })),
          );
          const reader = new IonosReader(t, sandbox, CONTRACT, NOW, { overlapMs: OVERLAP_S * 1000, pageSize: 10 });
          for (const at of [...polls.toSorted((a, b) => a - b), 301_000]) {
            now = NOW + at;
            await reader.poll();
          }
          now = NOW + 301_000 + OVERLAP_S * 1000;
          await reader.poll();
          assertAllOnce({ sandbox, reader });
          await sandbox.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('windows', () => {
  it('are walked oldest first, and the cursor moves at the end of each', async (t) => {
    const { sandbox, reader } = await scene(t, 3000, {}, { pageSize: 100 });
    await reader.poll();
    const between = reader.pages.flatMap((page) => page.between ?? []);
    assert.ok(between.length > 20);
    for (const [index, { from, to }] of between.entries()) {
      assert.ok(from < to);
      assert.ok(from >= (between[index - 1]?.from ?? 0));
    }
    const counted = reader.pages.reduce((sum, page) => sum + (page.counted ?? 0), 0);
    assert.ok(counted >= 3000, 'the overlap is counted twice');
    let done = START / 1000;
    for (const { events, cursor, forgetBefore, ...page } of reader.pages) {
      const at = Date.parse(cursor) / 1000;
      if (forgetBefore === undefined) {
        assert.equal(at, done);
      } else {
        assert.deepEqual([events.length, page.between, forgetBefore], [0, undefined, at - 300]);
        assert.ok(at > done);
        done = at;
      }
    }
    assert.equal(done, NOW / 1000);
    const asked = sandbox.requests.map(({ query }) => Date.parse(query['dateEnd'] ?? '') / 1000);
    assert.ok(asked.every((end) => end <= NOW / 1000));
  });

  it('are cut so that hardly any is cut once more: events are never spread evenly', async (t) => {
    const start = NOW - 3_000_000;
    const sandbox = await sandboxFor(t, { sizeBytes: 400 });
    sandbox.addContract(CONTRACT);
    sandbox.generate(CONTRACT, { count: 20_000, from: start, to: NOW });
    await new IonosReader(t, sandbox, CONTRACT, start, { pageSize: 100 }).poll();
    const firsts = sandbox.requests.filter(({ pageIndex }) => pageIndex === 'first').length;
    assert.ok(firsts <= 60, `${firsts} windows for 40 times as many events as one may have`);
  });

  it('grow again behind a busy time', async (t) => {
    const { sandbox, reader } = await scene(t, 100, {}, { pageSize: 100 });
    sandbox.addEvents(CONTRACT, ofOneSecond(5000, START + 5000));
    await reader.poll();
    assert.equal(reader.lines.length, 5100);
    assert.ok(sandbox.requests.length < 120, `${sandbox.requests.length} requests`);
  });
});

describe('the clock', () => {
  it('is behind the cursor: a message says so, and the poll continues from now', async (t) => {
    const one = await scene(t, 100, {});
    one.reader.cursor = '2027-11-21T20:30:00Z';
    await one.reader.poll();
    assertAllOnce(one);
    assert.equal(one.reader.cursor, formatSecond(NOW / 1000));
    assert.deepEqual(one.reader.log.messages, [
      `error: ionos/${CONTRACT}: its cursor 2027-11-21T20:30:00Z is ahead of this machine's clock by 365 d; continuing ` +
        'from 2026-11-21T20:30:00Z. If the clock was wrong until now, run redeliver for the time in between.',
    ]);
  });

  it('is a little behind the cursor, which does not matter', async (t) => {
    const one = await scene(t, 100, {});
    one.reader.cursor = formatSecond(NOW / 1000 + 30);
    await one.reader.poll();
    // The overlap reaches from 30 s later on.
    assert.equal(one.sandbox.requests[0]?.query['dateStart'], formatSecond(START / 1000 + 30));
    assert.equal(one.reader.cursor, formatSecond(NOW / 1000 + 30));
    assert.deepEqual(one.reader.log.messages, []);
  });

  it("is ahead of the API's: the cursor stays behind the API's, and nothing is lost", async (t) => {
    const AHEAD = 3_600_000;
    const one = await scene(t, 100, {}, { now: () => NOW + AHEAD, overlapMs: 0 });
    await one.reader.poll();
    assert.equal(one.reader.cursor, formatSecond(NOW / 1000));
    assert.equal(one.reader.lines.length, 100);
    assert.deepEqual(one.reader.log.messages, [
      `warn: this machine's clock is 60 min ahead of the API's; ionos/${CONTRACT} and all others stay behind the API's ` +
        'clock until it is set right (timedatectl shows whether it is synchronized)',
    ]);
    // What comes up in the time that our clock had long called the past.
    one.sandbox.options.now = () => NOW + 60_000;
    one.sandbox.generate(CONTRACT, { count: 10, from: NOW, to: NOW + 60_000 });
    await one.reader.poll();
    assertAllOnce(one);
    assert.equal(one.reader.log.messages.length, 1);
  });

  it("is a little ahead of the API's, which does not matter", async (t) => {
    const { reader } = await scene(t, 10, {}, { now: () => NOW + 30_000 });
    for (let nth = 0; nth < 2; nth++) await reader.poll();
    assert.equal(reader.cursor, formatSecond(NOW / 1000 + 30));
    assert.deepEqual(reader.log.messages, []);
  });

  it("is a little behind the API's: the poll goes by our own", async (t) => {
    const { sandbox, reader } = await scene(t, 10, {}, { now: () => NOW - 30_000 });
    for (let nth = 0; nth < 2; nth++) await reader.poll();
    assert.equal(sandbox.requests.at(-1)?.query['dateEnd'], formatSecond(NOW / 1000 - 30));
    assert.deepEqual(reader.log.messages, []);
  });

  it("is behind the API's: no event of the future is asked for", async (t) => {
    const { sandbox, reader } = await scene(t, 10, {}, { now: () => NOW - 3_600_000 });
    reader.cursor = formatSecond(NOW / 1000 - 3700);
    await reader.poll();
    assert.ok(sandbox.requests.every(({ query }) => Date.parse(query['dateEnd'] ?? '') <= NOW - 3_600_000));
    assert.equal(reader.cursor, formatSecond(NOW / 1000 - 3600));
    assert.deepEqual([reader.lines, reader.log.messages], [[], []]);
  });
});

describe('a poll that cannot continue', () => {
  it('because its cursor is not a date and time', async (t) => {
    const { reader } = await scene(t, 0, {});
    for (const cursor of ['', 'https://api.cloudscale.ch/v1/project-logs?cursor=a', '2026-11-21']) {
      reader.cursor = cursor;
      const message = `ionos/${CONTRACT}: its cursor "${cursor}" is not a date and time`;
      await assert.rejects(reader.poll(), new StateError(message));
    }
  });

  it('because the API fails keeps its cursor, on whichever page', async (t) => {
    for (const skip of [0, 1, 2]) {
      const one = await scene(t, 50, {}, { pageSize: 20 });
      one.sandbox.fail({ skip, times: 5, fault: { type: 'status', status: 503 } });
      await assert.rejects(one.reader.poll(), ApiError);
      assert.equal(one.reader.cursor, formatSecond(START / 1000));
      assert.equal(one.reader.lines.length, skip * 20);
      await one.reader.poll();
      assertAllOnce(one);
    }
  });

  it('because an event is none prints nothing of that page', async (t) => {
    const one = await scene(t, 50, {});
    one.sandbox.fail({ times: 5, fault: { type: 'bad-event' } });
    await assert.rejects(one.reader.poll(), { name: 'PageError', message: 'event 26 of the page is not an object' });
    assert.deepEqual(one.reader.lines, []);
    await one.reader.poll();
    assertAllOnce(one);
  });

  it('because it was stopped throws the reason', async (t) => {
    const { reader } = await scene(t, 50, {}, { pageSize: 20 });
    const controller = new AbortController();
    const stop = new Error('stopped');
    await assert.rejects(
      reader.poll(() => {
        controller.abort(stop);
        return undefined;
      }, controller.signal),
      stop,
    );
    assert.equal(reader.lines.length, 20);
  });
});
