import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatSecond } from '../../src/lib/duration.ts';
import { cloudscale } from '../../src/providers/cloudscale.ts';
import type { Checkpoint, Page } from '../../src/providers/provider.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { ScriptedApi, refusal, unreadable, type Answer } from '../helpers/scripted-api.ts';
import { skipPause } from '../helpers/test-client.ts';

const NOW = Date.parse('2026-11-21T20:30:00Z');
const NOW_S = NOW / 1000;
const DAY = 86_400;
const STORED = 'https://api.example.com/v1/project-logs?cursor=stored';
const MORE = 'https://api.example.com/v1/project-logs?cursor=more';
const page = (entries: readonly string[] = []) =>
  `{"results":[${entries.join(',')}],"next":null,"poll_more":"${MORE}"}`;

/** One poll: what was asked for, what came of it, and how it ended. */
async function poll(answer: Answer, checkpoint: Partial<Checkpoint> = {}, clockSkewMs?: number) {
  const api = new ScriptedApi(answer);
  api.clockSkewMs = clockSkewMs;
  const log = captureLog();
  const context = { api, log, now: () => NOW, pause: skipPause, overlapMs: 300_000, pageSize: 1000, contracts: [] };
  const source = { id: 'project', name: 'cloudscale/project' };
  const start = NOW_S - DAY;
  const pages: Page[] = [];
  let error: unknown;
  try {
    const whole = { cursor: formatSecond(start), start, ...checkpoint };
    for await (const one of cloudscale.create(context).pages(source, whole, new AbortController().signal))
      pages.push(one);
  } catch (thrown) {
    error = thrown;
  }
  const came = pages.map(({ events, cursor, gap }) => ({ events: events.length, cursor, gap }));
  return { asked: api.parameter('start'), urls: api.asked, options: api.options, pages: came, log, error };
}

/** A server that refuses to go back farther than this. */
function keeping(seconds: number, status = 410): Answer {
  return ({ searchParams }) => {
    const start = searchParams.get('start');
    return start !== null && Date.parse(start) / 1000 < NOW_S - seconds ? refusal(status) : page();
  };
}

describe('a start that the API no longer goes back to', () => {
  it('is as early as it does, and a second later, since that moves; what is lost is said', async () => {
    const from = formatSecond(NOW_S - 90 * DAY + 1);
    const start = NOW_S - 100 * DAY;
    for (const status of [400, 410, 422]) {
      const { pages, log, error, asked } = await poll(keeping(90 * DAY, status), {
        cursor: formatSecond(start),
        start,
      });
      const gap =
        `the API refuses to go back so far (HTTP ${status}); ` +
        `entries from ${formatSecond(start)} to ${from} cannot be collected`;
      assert.equal(error, undefined);
      assert.deepEqual(pages, [
        { events: 0, cursor: from, gap },
        { events: 0, cursor: MORE, gap: undefined },
      ]);
      assert.deepEqual(log.messages, [`error: cloudscale/project: ${gap}`]);
      assert.deepEqual([asked[0], asked[1], asked.at(-1)], [formatSecond(start), formatSecond(NOW_S - 1), from]);
      assert.ok(asked.length < 30, String(asked.length));
    }
  });

  it('is asked for again where it was refused once, and nothing is lost', async () => {
    let refusals = 0;
    const { pages, log, asked } = await poll(() => (refusals++ === 0 ? refusal() : page()));
    assert.deepEqual([pages.length, log.messages], [1, []]);
    assert.deepEqual(
      asked,
      [0, DAY - 1, 0, 0].map((after) => formatSecond(NOW_S - DAY + after)),
    );
  });

  it('is an error where every start is refused, where it is the present, or where it is refused again', async () => {
    const all = await poll(() => refusal());
    assert.deepEqual([all.asked.length, all.pages, String(all.error)], [2, [], 'ApiError: HTTP 400']);
    const present = await poll(() => refusal(), { cursor: formatSecond(NOW_S - 1) });
    assert.deepEqual([present.asked.length, String(present.error)], [1, 'ApiError: HTTP 400']);
    const { asked } = await poll(keeping(3_600));
    let nth = 0;
    const again = await poll((url) => (++nth >= asked.length ? refusal() : keeping(3_600)(url)));
    assert.deepEqual([again.asked, String(again.error)], [asked, 'ApiError: HTTP 400']);
    const other = await poll(() => refusal(403));
    assert.deepEqual([other.asked.length, String(other.error)], [1, 'ApiError: HTTP 403']);
    const failing = await poll(({ searchParams }) =>
      searchParams.get('start') === formatSecond(NOW_S - DAY) ? refusal() : refusal(503),
    );
    assert.match(String(failing.error), /HTTP 503/);
  });

  it('is sought before the end, where there is one', async () => {
    const end = NOW_S - 10 * DAY;
    const { asked } = await poll(keeping(15 * DAY), { cursor: formatSecond(NOW_S - 20 * DAY), end });
    assert.equal(asked[1], formatSecond(end - 1));
  });
});

describe('an end', () => {
  it('leaves out what happened from then on, but nothing that does not say when it happened', async () => {
    const end = NOW_S - 3_600;
    const entries = [end - 1, end].map((second) => `{"timestamp":"${formatSecond(second)}"}`);
    const { pages } = await poll(() => page([...entries, '{"action":"undated"}']), { end });
    assert.deepEqual(pages.map(({ events }) => events), [2]); // prettier-ignore
  });
});

describe('a cursor that the API no longer knows', () => {
  const lastEvent = (NOW_S - 2 * 3_600) * 1000 + 500;
  const stale: Answer = ({ searchParams }) => (searchParams.get('cursor') === 'stored' ? refusal(404) : page());

  it('is replaced by the time of the last entry, less the overlap', async () => {
    for (const [last, start, from] of [
      [lastEvent, 0, NOW_S - 7_200 - 300],
      [lastEvent, NOW_S - 7_300, NOW_S - 7_300],
      [lastEvent, NOW_S, NOW_S - 7_200],
      [undefined, NOW_S - 50, NOW_S - 50],
    ] as const) {
      const rest = last === undefined ? {} : { lastEvent: last };
      const { asked, pages, log } = await poll(stale, { cursor: STORED, start, ...rest });
      assert.deepEqual(asked, [null, formatSecond(from)]);
      assert.equal(pages.length, 1);
      assert.deepEqual(log.messages, [
        'error: cloudscale/project: the API no longer accepts the stored cursor (HTTP 404); continuing from ' +
          `${formatSecond(from)}, a little before the last delivered entry: some entries are printed twice`,
      ]);
    }
  });

  it('is not taken for stale where a later page is refused', async () => {
    const next = STORED.replace('stored', 'next');
    const { pages, error, asked } = await poll(
      ({ searchParams }) =>
        searchParams.get('cursor') === 'stored' ? page().replace('"next":null', `"next":"${next}"`) : refusal(404),
      { cursor: STORED },
    );
    assert.deepEqual([pages.length, String(error), asked.length], [1, 'ApiError: HTTP 404', 2]);
  });

  it('is replaced once: a start that is refused then is too long ago', async () => {
    const answer: Answer = (url) => (url.searchParams.has('cursor') ? stale(url) : keeping(DAY)(url));
    const { pages, error } = await poll(answer, { cursor: STORED, start: NOW_S - 3 * DAY });
    assert.equal(error, undefined);
    assert.equal(pages[0]?.cursor, formatSecond(NOW_S - DAY + 1));
  });

  it('ends an export, and is an error where it is none of the API', async () => {
    const { error } = await poll(stale, { cursor: STORED, end: NOW_S });
    assert.equal(
      String(error),
      'StateError: cloudscale/project: the API no longer accepts the stored cursor (HTTP 404)',
    );
    const foreign = await poll(stale, { cursor: 'https://elsewhere.example.com/' });
    assert.deepEqual(foreign.urls, []);
    assert.ok(foreign.error instanceof Error && foreign.error.cause instanceof Error);
    assert.equal(
      foreign.error.message,
      'the stored cursor cannot be used (https://elsewhere.example.com is not the API): ' +
        'restore the previous --api-url, or start over with another --state-file',
    );
  });
});

describe('a first start while our clock is ahead', () => {
  const AHEAD = 600_000;
  const cursor = formatSecond(NOW_S - 300);
  const earlier = formatSecond(NOW_S - 900);

  it('is that much earlier, and is kept before anything is read', async () => {
    const { asked, pages, log } = await poll(() => page(), { cursor }, AHEAD);
    assert.deepEqual(asked, [cursor, earlier]);
    assert.deepEqual(
      pages.map((one) => one.cursor),
      [earlier, MORE],
    );
    assert.match(
      log.messages.join(),
      /^warn: this machine's clock is 10 min ahead of the API's: starting that much earlier$/,
    );
  });

  it('is not gone back to where a later page is an error', async () => {
    const next = `https://api.example.com/v1/project-logs?cursor=2`;
    const answer: Answer = ({ searchParams }) =>
      searchParams.has('cursor') ? refusal(503) : page().replace('"next":null', `"next":"${next}"`);
    const { pages, error } = await poll(answer, { cursor }, AHEAD);
    assert.deepEqual([pages.map((one) => one.cursor), String(error)], [[earlier, MORE], 'ApiError: HTTP 503']);
  });

  it('is kept also where the first answer is an error', async () => {
    const { pages, error } = await poll(() => refusal(403), { cursor }, AHEAD);
    assert.deepEqual([pages.map((one) => one.cursor), String(error)], [[earlier], 'ApiError: HTTP 403']);
  });

  it('is where it was asked for where both clocks are past that, with a little skew, an end, or a stored cursor', async () => {
    for (const [checkpoint, skew] of [
      [{ cursor: formatSecond(NOW_S - 3_600) }, AHEAD],
      [{ cursor: formatSecond(NOW_S - 600) }, AHEAD],
      [{ cursor }, 30_000],
      [{ cursor }, undefined],
      [{ cursor, end: NOW_S }, AHEAD],
      [{ cursor: STORED }, AHEAD],
    ] as const) {
      const { pages, log } = await poll(() => page(), checkpoint, skew);
      assert.deepEqual([pages.length, log.messages], [1, []], JSON.stringify(checkpoint));
    }
  });
});

describe('an entry that cannot be read', () => {
  const entry = '{"timestamp":"2026-11-21T20:00:00Z","action":"a"}';

  it('is sought by a second request once a run has failed because of it, and with few attempts', async () => {
    const { pages, options, error } = await poll(() => page([entry, 'null']), { isolatesBadEvents: true });
    assert.deepEqual([pages.map(({ events }) => events), error], [[1], undefined]);
    assert.deepEqual(
      options.map(({ maxAttempts }) => maxAttempts),
      [2, 2],
    );
    const first = await poll(() => page([entry, 'null']));
    assert.equal((first.error as Error).name, 'PageError');
    assert.deepEqual(
      first.options.map(({ maxAttempts }) => maxAttempts),
      [undefined],
    );
  });

  it('is not sought where the API fails, or where no page can be read', async () => {
    const failing = await poll(() => refusal(503), { isolatesBadEvents: true });
    assert.equal(failing.urls.length, 1);
    const broken = await poll(() => unreadable(), { isolatesBadEvents: true });
    assert.deepEqual([broken.urls.length, (broken.error as Error).name], [2, 'PageError']);
  });
});
