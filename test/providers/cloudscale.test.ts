import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { formatSecond } from '../../src/lib/duration.ts';
import { ApiError, PageError, StateError } from '../../src/lib/errors.ts';
import { CloudscaleReader, PROJECT } from '../helpers/cloudscale-reader.ts';
import { Pauses } from '../helpers/pauses.ts';
import '../helpers/properties.ts';
import { NOW, sandboxFor } from '../sandbox/exchange.ts';
import { type Fault, type NewEvent, retryLater, type Sandbox, type SandboxSettings } from '../sandbox/server.ts';

const START = NOW - 3_600_000;
const TOKEN = 'sandbox-token';

interface Scene {
  readonly sandbox: Sandbox;
  readonly reader: CloudscaleReader;
}

/** A project with so many entries in the last hour, seven on a page, and someone who reads them for the first time. */
async function scene(
  t: TestContext,
  count: number,
  settings: SandboxSettings['cloudscale'] = {},
  more: SandboxSettings = {},
): Promise<Scene> {
  const sandbox = await sandboxFor(t, { ...more, cloudscale: { pageSize: 7, ...settings } });
  sandbox.generateEntries({ count, from: START, to: NOW });
  return { sandbox, reader: new CloudscaleReader(t, sandbox, START) };
}

function textsOf(sandbox: Sandbox): string[] {
  return sandbox.entries().map(({ text }) => text);
}

function entry(name: string, time: number, visibleFrom = time): NewEvent {
  const timestamp = new Date(time).toISOString().replace('Z', '000Z');
  return { raw: `{"ip_address":null,"action":"${name}","timestamp":"${timestamp}"}`, time, visibleFrom };
}

async function failing(polling: Promise<void>): Promise<Error> {
  const error: unknown = await polling.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error, 'the poll failed');
  return error;
}

describe('a project', () => {
  it('is the one source, without asking', async (t) => {
    const { sandbox, reader } = await scene(t, 0);
    assert.deepEqual(await reader.provider.sources(new AbortController().signal), [PROJECT]);
    assert.equal(sandbox.requests.length, 0);
  });
});

describe('a poll', () => {
  it('begins at the start, and follows next to the last page', async (t) => {
    const { sandbox, reader } = await scene(t, 25);
    await reader.poll();
    assert.deepEqual(reader.lines, textsOf(sandbox));
    assert.deepEqual(
      reader.pages.map(({ events }) => events.length),
      [7, 7, 7, 4],
    );
    assert.equal(sandbox.requests[0]?.query['start'], formatSecond(START / 1000));
    assert.deepEqual(
      sandbox.requests.map(({ query }) => query['cursor'] !== undefined),
      [false, true, true, true],
    );
  });

  it('takes a last page that is full for the last', async (t) => {
    const { sandbox, reader } = await scene(t, 14);
    await reader.poll();
    assert.equal(sandbox.requests.length, 2);
    assert.deepEqual(reader.lines, textsOf(sandbox));
  });

  it('asks for the start percent-encoded, whatever its zone', async (t) => {
    const { sandbox, reader } = await scene(t, 3);
    reader.cursor = '2026-11-21T22:00:00.5+02:00';
    await reader.poll();
    assert.match(sandbox.requests[0]?.url ?? '', /^\/v1\/project-logs\?start=2026-11-21T22%3A00%3A00\.5%2B02%3A00$/);
    assert.equal(sandbox.requests[0]?.status, 200);
  });

  it('says who it is, and of a page that it takes it compressed', async (t) => {
    const { sandbox, reader } = await scene(t, 25, {}, { gzip: true, chunked: true });
    await reader.poll();
    assert.deepEqual(reader.lines, textsOf(sandbox));
    for (const { headers } of sandbox.requests) assert.equal(headers['authorization'], `Bearer ${TOKEN}`);
  });

  it('with an end leaves out what is not before it, also where a cursor has forgotten the end', async (t) => {
    const { sandbox, reader } = await scene(t, 0);
    sandbox.addEntries([entry('in', NOW - 9000), entry('out', NOW - 5000), entry('late', NOW - 8000, NOW - 1000)]);
    const end = (NOW - 5000) / 1000;
    await reader.poll(undefined, end);
    assert.equal(sandbox.requests[0]?.query['end'], formatSecond(end));
    assert.deepEqual(reader.lines.map(actionOf), ['in', 'late']);
    reader.cursor = formatSecond(START / 1000);
    sandbox.fail({ fault: { type: 'body', body: pageText(sandbox, textsOf(sandbox)) } });
    await reader.poll(undefined, end);
    assert.deepEqual(reader.lines.map(actionOf), ['in', 'late', 'in', 'late']);
  });
});

function actionOf(line: string): string {
  return (JSON.parse(line) as { action: string }).action;
}

/** A page whose poll_more, and its next where there is one, is the cursor `c`. */
function pageText(sandbox: Sandbox, entries: readonly string[], next: string | null = null): string {
  const more = `${sandbox.url}/v1/project-logs?cursor=c`;
  return `{"results":[${entries.join(',')}],"next":${JSON.stringify(next)},"poll_more":"${more}"}`;
}

describe('a first poll while our clock is ahead', () => {
  it('begins by the clock of the API: what comes until the clock is right is not left out', async (t) => {
    const ahead = 600_000;
    const sandbox = await sandboxFor(t, {});
    const reader = new CloudscaleReader(t, sandbox, NOW + ahead - 300_000, { now: () => NOW + ahead });
    await reader.poll();
    sandbox.addEntries([entry('new', NOW)]);
    await reader.poll();
    assert.deepEqual(reader.lines, textsOf(sandbox));
    assert.match(reader.log.messages.join(), /clock is 10 min ahead of the API's/);
  });

  it('keeps that place also when the poll fails, and the clock is right with the next', async (t) => {
    const sandbox = await sandboxFor(t, {});
    let ahead = 600_000;
    const reader = new CloudscaleReader(t, sandbox, NOW + ahead - 300_000, { now: () => NOW + ahead });
    sandbox.fail({ fault: { type: 'status', status: 403 } });
    await failing(reader.poll());
    assert.equal(reader.cursor, formatSecond((NOW - 300_000) / 1000));
    ahead = 0;
    sandbox.addEntries([entry('new', NOW - 1000)]);
    await reader.poll();
    assert.deepEqual(reader.lines, textsOf(sandbox));
  });

  it('begins where it was told to when that is in the past by both clocks', async (t) => {
    const sandbox = await sandboxFor(t, {});
    sandbox.addEntries([entry('before', NOW - 400_000), entry('since', NOW - 200_000)]);
    const reader = new CloudscaleReader(t, sandbox, NOW - 300_000, { now: () => NOW + 600_000 });
    await reader.poll();
    assert.deepEqual(reader.lines.map(actionOf), ['since']);
  });
});

describe('the cursor', () => {
  it('is poll_more of each page, from which all the rest can be had', async (t) => {
    const { sandbox, reader } = await scene(t, 25);
    await reader.poll();
    for (const [index, { cursor }] of reader.pages.entries()) {
      const other = new CloudscaleReader(t, sandbox, START);
      other.cursor = cursor;
      await other.poll();
      assert.deepEqual(other.lines, textsOf(sandbox).slice(7 * (index + 1)));
    }
  });

  it('is poll_more of an empty page, too, and moves on with it', async (t) => {
    let now = NOW;
    const { sandbox, reader } = await scene(t, 0, {}, { now: () => now });
    const cursors = [];
    for (let poll = 0; poll < 3; poll++) {
      await reader.poll();
      cursors.push(reader.cursor);
      now += 1000;
    }
    assert.equal(new Set(cursors).size, 3);
    assert.equal(reader.pages.length, 3);
    sandbox.addEntries([entry('new', NOW)]);
    await reader.poll();
    assert.deepEqual(reader.lines, textsOf(sandbox));
    assert.deepEqual(
      sandbox.requests.map(({ query }) => query['start']),
      [formatSecond(START / 1000), undefined, undefined, undefined],
    );
  });

  it('is poll_more where next is another URL', async (t) => {
    const { sandbox, reader } = await scene(t, 3);
    const next = `${sandbox.url}/v1/project-logs?start=${formatSecond(START / 1000)}&page=2`;
    sandbox.fail({ fault: { type: 'body', body: pageText(sandbox, [], next) } });
    await reader.poll((page) => {
      assert.equal(page.cursor, `${sandbox.url}/v1/project-logs?cursor=c`);
      return false;
    });
  });

  it('brings entries that were overtaken, however old', async (t) => {
    let now = NOW;
    const { sandbox, reader } = await scene(t, 0, {}, { now: () => now });
    sandbox.addEntries([
      entry('overtaken', NOW - 2000, NOW + 1000),
      entry('early', NOW - 1000),
      entry('later', NOW + 2000),
    ]);
    await reader.poll();
    assert.deepEqual(reader.lines.map(actionOf), ['early']);
    now = NOW + 2000;
    await reader.poll();
    sandbox.addEntries([entry('very late', START + 1000, now)]);
    await reader.poll();
    assert.deepEqual(reader.lines.map(actionOf), ['early', 'overtaken', 'later', 'very late']);
    assert.deepEqual(reader.lines, textsOf(sandbox));
  });

  it('brings each entry once and in order, wherever polls end and whatever comes up meanwhile', async (t) => {
    const step = fc.record({
      arriving: fc.array(fc.nat({ max: 3_000 }), { maxLength: 12 }),
      pages: fc.integer({ min: 1, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.integer({ min: 1, max: 9 }), async (steps, pageSize) => {
        const { sandbox, reader } = await scene(t, 10, { pageSize });
        let nth = 0;
        for (const { arriving, pages } of steps) {
          let left = pages;
          await reader.poll(() => {
            sandbox.addEntries(arriving.splice(0, 3).map((age) => entry(`n${nth++}`, NOW - age * 1000)));
            return --left > 0 ? undefined : false;
          });
        }
        await reader.poll();
        assert.deepEqual(reader.lines, textsOf(sandbox));
        await sandbox.close();
      }),
      { numRuns: 40 },
    );
  });
});

describe('a stored cursor that the server refuses', () => {
  for (const staleStatus of [400, 404, 410] as const) {
    it(`with ${staleStatus} is said, and what is near the last delivered entry comes again`, async (t) => {
      const { sandbox, reader } = await scene(t, 0, { staleStatus });
      const minutes = [50, 40, 30, 22, 21, 20];
      sandbox.addEntries(minutes.map((ago) => entry(`-${ago}`, NOW - ago * 60_000)));
      await reader.poll();
      sandbox.expireCursors();
      sandbox.addEntries([entry('new', NOW - 60_000), entry('overtaken', NOW - 24 * 60_000, NOW)]);
      await reader.poll();
      assert.deepEqual(reader.lines.map(actionOf).slice(6), ['-22', '-21', '-20', 'new', 'overtaken']);
      const [message = '', ...others] = reader.log.messages.filter((text) => !text.startsWith('debug'));
      assert.deepEqual(others, []);
      assert.match(message, /^error: cloudscale\/project: the API no longer accepts the stored cursor/);
      assert.match(message, new RegExp(`HTTP ${staleStatus}: .*Cursor has expired.*`));
      assert.match(message, /continuing from 2026-11-21T20:05:00Z.*printed twice/);
      assert.equal(sandbox.requests.at(-1)?.query['start'], '2026-11-21T20:05:00Z');

      await reader.poll();
      assert.equal(reader.log.messages.length, 1, 'the new cursor is fine');
      assert.equal(reader.lines.length, 11);
    });
  }

  it('starts over from the start, when nothing was delivered yet', async (t) => {
    const { sandbox, reader } = await scene(t, 0);
    await reader.poll();
    sandbox.expireCursors();
    sandbox.addEntries([entry('first', START + 1000, NOW)]);
    await reader.poll();
    assert.deepEqual(reader.lines, textsOf(sandbox));
  });

  it('starts over from no earlier than the start', async (t) => {
    const { sandbox, reader } = await scene(t, 0);
    sandbox.addEntries([entry('before', START - 1000), entry('first', START + 1000)]);
    await reader.poll();
    sandbox.expireCursors();
    await reader.poll();
    assert.equal(sandbox.requests.at(-1)?.query['start'], formatSecond(START / 1000));
    assert.deepEqual(reader.lines.map(actionOf), ['first', 'first']);
  });

  it('loses nothing when it becomes stale between two pages', async (t) => {
    const { sandbox, reader } = await scene(t, 25);
    let isFirst = true;
    const error = await failing(
      reader.poll(() => {
        if (isFirst) sandbox.expireCursors();
        isFirst = false;
        return undefined;
      }),
    );
    assert.ok(error instanceof ApiError && error.status === 400);
    assert.equal(reader.cursor, reader.pages[0]?.cursor);
    await reader.poll();
    assert.deepEqual(new Set(reader.lines), new Set(textsOf(sandbox)));
    assert.equal(reader.log.messages.filter((text) => text.startsWith('error')).length, 1);
  });

  it('is not taken for stale when it is the start that the server refuses', async (t) => {
    const { sandbox, reader } = await scene(t, 3);
    sandbox.fail({ times: Infinity, fault: { type: 'status', status: 400 } });
    const { cursor } = reader;
    assert.ok((await failing(reader.poll())) instanceof ApiError);
    // The second one asks for the present: the start is not what the API refuses.
    assert.deepEqual([sandbox.requests.length, reader.cursor], [2, cursor]);
    assert.deepEqual(reader.log.messages, []);
  });

  it('stays, when starting over fails as well', async (t) => {
    const { sandbox, reader } = await scene(t, 3);
    await reader.poll();
    const { cursor } = reader;
    sandbox.fail({ times: 2, fault: { type: 'status', status: 404 } });
    assert.ok((await failing(reader.poll())) instanceof ApiError);
    assert.equal(reader.cursor, cursor);
    await reader.poll();
    assert.equal(reader.lines.length, 3);
  });

  for (const status of [401, 403, 405, 500]) {
    it(`is not what ${status} means`, async (t) => {
      const { sandbox, reader } = await scene(t, 3);
      await reader.poll();
      const { cursor } = reader;
      sandbox.fail({ times: Infinity, fault: { type: 'status', status } });
      const error = await failing(reader.poll());
      assert.ok(error instanceof ApiError && error.status === status);
      assert.equal(reader.cursor, cursor);
      assert.ok(sandbox.requests.every(({ query }, index) => (query['start'] === undefined) === index > 0));
    });
  }

  it('ends an export, which could not tell what it has written', async (t) => {
    const { sandbox, reader } = await scene(t, 10);
    await reader.poll(() => false);
    sandbox.expireCursors();
    const error = await failing(reader.poll(undefined, NOW / 1000));
    assert.ok(error instanceof StateError);
    assert.match(error.message, /no longer accepts the stored cursor/);
    assert.equal(reader.lines.length, 7);
  });
});

describe('a start that was written while the clock was ahead', () => {
  it('is not gone on from when the cursor is stale: the last entry counts', async (t) => {
    const { sandbox, reader } = await scene(t, 10);
    const ahead = new CloudscaleReader(t, sandbox, NOW + 3_600_000);
    await reader.poll();
    ahead.cursor = reader.cursor;
    ahead.lastEvent = NOW - 60_000;
    sandbox.expireCursors();
    sandbox.addEntries([entry('new', NOW - 30_000)]);
    await ahead.poll();
    assert.ok(ahead.lines.map(actionOf).includes('new'));
  });
});

describe('a URL that leads elsewhere', () => {
  for (const foreignIn of ['next', 'poll_more', 'both'] as const) {
    for (const foreignCursors of ['host', 'port', 'scheme', 'credentials'] as const) {
      it(`in ${foreignIn}, by its ${foreignCursors}, is not followed`, async (t) => {
        const { sandbox, reader } = await scene(t, 10);
        await reader.poll(() => false);
        const { cursor } = reader;
        sandbox.generateEntries({ count: 10, from: START, to: NOW });
        Object.assign(sandbox.options.cloudscale, { foreignCursors, foreignIn });
        const error = await failing(reader.poll());
        assert.ok(error instanceof ApiError && !error.retryable);
        assert.match(error.message, /the token would leak/);
        const origin = {
          host: `http://api.cloudscale.example:${new URL(sandbox.url).port}`,
          port: 'http://127.0.0.1:1',
          scheme: sandbox.url.replace('http', 'https'),
          credentials: `${sandbox.url} with credentials in it`,
        }[foreignCursors];
        assert.ok(error.message.includes(` to another origin (${origin})`), error.message);
        assert.doesNotMatch(error.message, /someone|else@|cursor=|sandbox-token/);
        assert.equal(reader.cursor, cursor);
        assert.equal(sandbox.requests.length, 2);

        sandbox.options.cloudscale.foreignCursors = 'no';
        await reader.poll();
        assert.deepEqual(reader.lines, textsOf(sandbox), 'nothing was lost and nothing came twice');
      });
    }
  }

  it('gets no request at all, not even without the token', async (t) => {
    const other = await sandboxFor(t);
    const { sandbox, reader } = await scene(t, 10, { foreignCursors: { origin: other.url } });
    const error = await failing(reader.poll());
    assert.ok(error.message.includes(other.url), error.message);
    assert.deepEqual([other.requests.length, sandbox.requests.length, reader.lines.length], [0, 1, 0]);
  });

  it('is not followed as a stored cursor, nor as a redirect', async (t) => {
    const other = await sandboxFor(t);
    const { sandbox, reader } = await scene(t, 10);
    const foreign = `${other.url}/v1/project-logs?cursor=x`;
    reader.cursor = foreign;
    assert.match(
      (await failing(reader.poll())).message,
      /stored cursor .* the token would leak.*: restore the previous --api-url/,
    );
    assert.deepEqual([reader.cursor, sandbox.requests.length], [foreign, 0]);

    reader.cursor = formatSecond(START / 1000);
    sandbox.fail({ fault: { type: 'redirect', location: foreign } });
    assert.match((await failing(reader.poll())).message, /the token would leak/);
    assert.equal(other.requests.length, 0);
  });
});

describe('a page that cannot be right', () => {
  it('is one whose next is itself: it is an error, and no loop', async (t) => {
    const { sandbox, reader } = await scene(t, 10);
    await reader.poll(() => false);
    const self = reader.cursor;
    sandbox.fail({ times: Infinity, fault: { type: 'body', body: pageText(sandbox, [], self) } });
    const error = await failing(reader.poll());
    assert.ok(error instanceof PageError);
    assert.match(error.message, /its next page is one that was read already/);
    assert.equal(sandbox.requests.length, 2);
  });

  it('is one of a circle: each is read once, its cursor is kept, and no loop', async (t) => {
    const { sandbox, reader } = await scene(t, 10);
    const [one = '', two = ''] = ['one', 'two'].map((name) => `${sandbox.url}/v1/project-logs?cursor=${name}`);
    const names = ['start', 'one', 'two'];
    names.forEach((name, nth) => {
      const next = nth === 1 ? two : one;
      sandbox.fail({ fault: { type: 'body', body: pageText(sandbox, [`{"n":"${name}"}`], next) } });
    });
    const error = await failing(reader.poll());
    assert.match(error.message, /its next page is one that was read already/);
    assert.deepEqual(
      reader.lines.map((line) => (JSON.parse(line) as { n: string }).n),
      names,
    );
    assert.equal(sandbox.requests.length, 3);
  });

  it('is not asked for by a stored cursor that is not a URL', async (t) => {
    const { sandbox, reader } = await scene(t, 10);
    reader.cursor = 'nonsense';
    assert.match((await failing(reader.poll())).message, /"nonsense" is not a valid next-page URL/);
    assert.equal(sandbox.requests.length, 0);
  });

  const ROWS: readonly (readonly [what: string, body: (sandbox: Sandbox) => string, message: RegExp])[] = [
    ['without results', ({ url }) => `{"next":null,"poll_more":"${url}/v1/project-logs?cursor=c"}`, /\(results\)/],
    ['without poll_more', () => '{"results":[{"n":1}],"next":null}', /\(poll_more\)/],
    ['with an entry that is no object', (sandbox) => pageText(sandbox, ['{}', '7']), /event 2 of the page/],
    ['that is HTML', () => '<html></html>', /not JSON/],
  ];
  for (const [what, body, message] of ROWS) {
    it(`is one ${what}: it is fetched again, nothing of it is printed, and the cursor stays`, async (t) => {
      const { sandbox, reader } = await scene(t, 10);
      await reader.poll(() => false);
      const { cursor } = reader;
      const fault = sandbox.fail({ times: Infinity, fault: { type: 'body', body: body(sandbox) } });
      const error = await failing(reader.poll());
      assert.ok(error instanceof PageError);
      assert.match(error.message, message);
      assert.ok(fault.played > 1);
      assert.equal(reader.cursor, cursor);
      fault.remove();
      await reader.poll();
      assert.deepEqual(reader.lines, textsOf(sandbox));
    });
  }

  const PASSING: readonly Fault[] = [
    { type: 'status', status: 503 },
    { type: 'status', status: 429 },
    { type: 'cut' },
    { type: 'truncate', framing: 'chunked' },
    { type: 'reset' },
    { type: 'reset-body' },
    { type: 'bad-event' },
    { type: 'corrupt-gzip' },
    { type: 'body', body: '' },
  ];
  for (const fault of PASSING) {
    it(`comes right when it is asked for again: ${JSON.stringify(fault)}`, async (t) => {
      const { sandbox, reader } = await scene(t, 25);
      for (const skip of [0, 2]) sandbox.fail({ skip, times: 2, fault });
      await reader.poll();
      assert.deepEqual(reader.lines, textsOf(sandbox));
      assert.ok(sandbox.requests.length > 4);
    });
  }
});

describe('503 with Retry-After', () => {
  it('is waited for as long as it says, once for each time', async (t) => {
    const pauses = new Pauses();
    const { sandbox } = await scene(t, 10);
    const reader = new CloudscaleReader(t, sandbox, START, { pause: pauses.pause });
    sandbox.fail({ fault: retryLater(503, 7) });
    sandbox.fail({ skip: 1, fault: retryLater(503, new Date(NOW + 90_000)) });
    const polling = reader.poll();
    for (const ms of [7_000, 90_000]) {
      const pause = await pauses.next();
      assert.equal(pause.ms, ms);
      pause.end();
    }
    await polling;
    assert.deepEqual(reader.lines, textsOf(sandbox));
  });

  it('beyond the deadline is not waited for: the cursor stays', async (t) => {
    const { sandbox } = await scene(t, 10);
    const reader = new CloudscaleReader(t, sandbox, START, { remainingMs: () => 60_000 });
    const { cursor } = reader;
    sandbox.fail({ fault: retryLater(503, 60) });
    const error = await failing(reader.poll());
    assert.ok(error instanceof ApiError && error.status === 503);
    assert.deepEqual([sandbox.requests.length, reader.cursor], [1, cursor]);
    await reader.poll();
    assert.deepEqual(reader.lines, textsOf(sandbox));
  });
});
