import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventIdMap } from '../../src/events/event-id-map.ts';
import { PageError } from '../../src/lib/errors.ts';
import { ReusableMemory } from '../../src/lib/reusable-memory.ts';
import { WindowPasses, type Walk } from '../../src/providers/ionos-pass.ts';
import type { TimeSpan } from '../../src/lib/duration.ts';
import { ScriptedApi, refusal, unreadable, type Answer } from '../helpers/scripted-api.ts';

const FROM = Date.parse('2026-11-21T20:00:00Z') / 1000;
const HOUR: TimeSpan = { from: FROM, to: FROM + 3_600 };
const SECOND: TimeSpan = { from: FROM, to: FROM + 1 };
const never = new AbortController().signal;

type Total = number | undefined | { readonly value: number; readonly relation: string };

/** A page with the events of these numbers. */
function page(numbers: readonly (number | string)[], total?: Total): string {
  const hits = numbers.map((n) => (typeof n === 'string' ? n : `{"_source":{"@uuid":"${n}"}}`));
  return JSON.stringify({ hits: { total, hits: [] } }).replace('"hits":[]', `"hits":[${hits.join(',')}]`);
}

interface Server {
  readonly events: number;
  /** What it says how many there are; by default, how many there are. */
  readonly total?: Total | 'none';
  readonly maxLimit?: number;
  /** No page has more. */
  readonly cutTo?: number;
  readonly maxEnd?: number;
  /** Places of which it leaves the events out of its pages. */
  readonly hidden?: (place: number) => boolean;
}

/** A server that counts its events and gives them by offset. It refuses a limit, or a depth, that is too large. */
function server({
  events,
  total = events,
  maxLimit = Infinity,
  maxEnd = Infinity,
  cutTo = Infinity,
  hidden,
}: Server): Answer {
  return ({ searchParams }) => {
    const [offset, limit] = ['offset', 'limit'].map((name) => Number(searchParams.get(name))) as [number, number];
    if (limit > maxLimit || offset + limit > maxEnd) return refusal();
    const count = Math.max(0, Math.min(limit, cutTo, events - offset));
    const places = Array.from({ length: count }, (_, n) => offset + n);
    return page(
      places.filter((place) => hidden?.(place) !== true),
      total === 'none' ? undefined : total,
    );
  };
}

function walkThrough(window: TimeSpan, isolates = false): Walk {
  return {
    contract: '31721060',
    window,
    isolates,
    memory: new ReusableMemory(),
    seen: new EventIdMap(),
    duplicates: 0,
    rejected: 0,
    pagesWithoutProgress: 0,
    hasHoles: false,
    total: undefined,
    counted: undefined,
    maxEvents: 0,
  };
}

/** One pass: what was asked for (offset/limit), how many events each page brought, how it ended, and the walk. */
async function pass(answer: Answer, { window = HOUR, pageSize = 100, isolates = false } = {}) {
  const api = new ScriptedApi(answer);
  const passes = new WindowPasses({ api, pageSize });
  const walk = walkThrough(window, isolates);
  const steps = passes.pass(walk, never);
  const pages: (readonly [events: number, rejected: number])[] = [];
  let step = await steps.next();
  for (; step.done !== true; step = await steps.next()) {
    pages.push([step.value.events.length, step.value.rejected.length]);
  }
  const limits = api.parameter('limit');
  const asked = api.parameter('offset').map((offset, nth) => `${offset ?? ''}/${limits[nth] ?? ''}`);
  return { asked, pages, end: step.value, walk, passes, api };
}

describe('a pass through a window', () => {
  it('asks for whole seconds of the contract, page by page, until the total is reached', async () => {
    const { asked, pages, end, walk, api } = await pass(server({ events: 250 }));
    assert.deepEqual(asked, ['0/100', '100/100', '200/100']);
    assert.deepEqual([pages, end], [[[100, 0], [100, 0], [50, 0]], 'total reached']); // prettier-ignore
    assert.deepEqual([walk.total, walk.counted, walk.seen.size], [250, 250, 250]);
    const [{ pathname, searchParams } = new URL('x:')] = api.asked;
    assert.equal(pathname, '/v1/contracts/31721060');
    assert.equal(searchParams.get('dateStart'), '2026-11-21T20:00:00Z');
    assert.equal(searchParams.get('dateEnd'), '2026-11-21T21:00:00Z');
  });

  it('reads until a page is empty where the server does not say how many there are, or less than it has', async () => {
    for (const total of ['none', 150, { value: 100, relation: 'gte' }] as const) {
      const { asked, end } = await pass(server({ events: 200, total }));
      assert.deepEqual(asked, ['0/100', '100/100', '200/100'], JSON.stringify(total));
      assert.equal(end, 'empty page');
    }
  });

  it('takes the length of the pages that come, not the one that it asked for', async () => {
    const { asked, end } = await pass(server({ events: 70, cutTo: 30 }));
    assert.deepEqual([asked, end], [['0/100', '30/100', '60/100'], 'total reached']);
  });

  it('halves a limit that is refused, and remembers that for the windows to come', async () => {
    const { asked, end, passes } = await pass(server({ events: 5, maxLimit: 30 }));
    assert.deepEqual([asked, end, passes.limit], [['0/100', '0/50', '0/25'], 'total reached', 25]);
  });

  it('is refused where no limit is accepted', async () => {
    const { asked, end, passes } = await pass(server({ events: 5, maxLimit: 0 }), { pageSize: 5 });
    assert.deepEqual(asked, ['0/5', '0/2', '0/1']);
    assert.deepEqual(end, { parts: 1, refusal: refusal() });
    assert.equal(passes.limit, 5);
  });

  it('is halved where an offset is refused', async () => {
    const { asked, end } = await pass(server({ events: 300, maxEnd: 100 }));
    assert.deepEqual([asked, end], [['0/100', '100/100'], { parts: 2 }]);
  });

  it('through one second ends with a gap where an offset is refused', async () => {
    const { asked, end } = await pass(server({ events: 300, maxEnd: 100 }), { window: SECOND });
    assert.deepEqual(asked, ['0/100', '100/100', '100/50', '100/25', '100/12', '100/6', '100/3', '100/1']);
    const gap = 'the API returns only the first 100 of 300 events of the second 2026-11-21T20:00:00Z';
    assert.deepEqual(end, { parts: 1, gap });
    const capped = await pass(server({ events: 300, maxEnd: 100, total: 100 }), { window: SECOND, pageSize: 10 });
    assert.equal(capped.end, 'total reached');
    const unknown = await pass(server({ events: 300, maxEnd: 100, total: 'none' }), { window: SECOND });
    assert.deepEqual(unknown.end, { parts: 1, gap: gap.replace('300', 'the') });
  });

  it('stays within 10,000 hits as long as it can', async () => {
    const { asked } = await pass(server({ events: 10_500 }), { window: SECOND, pageSize: 4_000 });
    assert.deepEqual(asked, ['0/4000', '4000/4000', '8000/2000', '10000/4000', '10500/4000']);
  });

  const parts: [string, Server, number, number][] = [
    ['is not cut for five pages', { events: 500 }, 100, 1],
    ['is cut for more', { events: 501 }, 100, 2],
    ['is cut so that its parts hardly ever have more than five pages', { events: 2_000 }, 100, 5],
    ['is cut where the total is a bound that five pages reach', { events: 600, total: { value: 500, relation: 'gte' } }, 100, 2],
    ['is not cut for a bound below that', { events: 100, total: { value: 499, relation: 'gte' } }, 100, 1],
    ['is cut for 10,000 events, which may be more', { events: 10_000 }, 5_000, 2],
    ['is not cut for 9,999', { events: 9_999 }, 5_000, 1],
    ['is cut at 10,000 however large its pages are', { events: 12_000 }, 6_000, 2],
    ['is cut for more than five pages of the documented default', { events: 101, cutTo: 5 }, 100, 2],
    ['is not cut for five of these', { events: 100, cutTo: 5 }, 100, 1],
  ]; // prettier-ignore
  for (const [what, one, pageSize, expected] of parts) {
    it(`${what}: ${one.events} events, ${pageSize} a page`, async () => {
      const { end, asked } = await pass(server(one), { pageSize });
      assert.equal(typeof end === 'string' ? 1 : end.parts, expected);
      if (expected > 1) assert.equal(asked.length, 1);
    });
  }

  it('through one second is not cut, however much it has', async () => {
    const { end } = await pass(server({ events: 2_000 }), { window: SECOND });
    assert.equal(end, 'total reached');
  });

  it('is cut into eight where five pages came and nobody says how many there are', async () => {
    const { asked, end } = await pass(server({ events: 900, total: 'none' }));
    assert.deepEqual([asked.at(-1), end], ['500/100', { parts: 8 }]);
  });

  it('is halved where it grew over five pages while it was read', async () => {
    const growing: Answer = (url) =>
      server({ events: 900, total: url.searchParams.get('offset') === '0' ? 450 : 900 })(url);
    const { asked, end } = await pass(growing);
    assert.deepEqual([asked.at(-1), end], ['500/100', { parts: 2 }]);
  });

  it('goes on behind an empty page as long as the total says that there is more, in growing steps', async () => {
    const hidden = (place: number) => place >= 100 && place < 400;
    const { asked, end, walk } = await pass(server({ events: 450, hidden }));
    assert.deepEqual(asked, ['0/100', '100/100', '200/100', '300/100', '400/100']);
    assert.deepEqual([end, walk.hasHoles, walk.seen.size], ['total reached', true, 150]);
    const again = (place: number) => hidden(place) || (place >= 500 && place < 700);
    const twice = await pass(server({ events: 750, hidden: again }), { window: SECOND });
    assert.deepEqual(twice.asked.slice(5), ['500/100', '600/100', '700/100']);
    const none = await pass(server({ events: 60, hidden: () => true }));
    assert.deepEqual([none.asked, none.end, none.walk.hasHoles], [['0/100', '20/100', '60/100'].slice(0, 2), 'empty page', false]); // prettier-ignore
  });

  it('ends where eight pages in a row bring nothing new', async () => {
    const same: Answer = () => page([1, 2], 1_000);
    await assert.rejects(pass(same, { window: SECOND }), {
      name: 'PageError',
      message: 'the API sends the same page again at offset 16 between 2026-11-21T20:00:00Z and 2026-11-21T20:00:01Z',
    });
  });

  it('counts pages without progress, of which some are no loop', async () => {
    const answer: Answer = ({ searchParams }) => {
      const offset = Number(searchParams.get('offset'));
      return page(offset % 16 === 0 ? [offset, offset + 1] : [0, 1], 32);
    };
    const { end, walk } = await pass(answer, { window: SECOND, pageSize: 2 });
    assert.deepEqual([end, walk.pagesWithoutProgress, walk.seen.size], ['total reached', 14, 4]);
  });

  it('counts what came twice on one page, but not what came on two', async () => {
    const answer: Answer = ({ searchParams }) => page(searchParams.get('offset') === '0' ? [1, 1, 2] : [2, 3, 3], 6);
    const { walk } = await pass(answer);
    assert.deepEqual([walk.duplicates, walk.seen.size], [2, 3]);
  });

  it('is known by what the passes before it have brought', async () => {
    const api = new ScriptedApi(server({ events: 3 }));
    const walk = walkThrough(HOUR);
    for (let nth = 0; nth < 2; nth++) {
      const steps = new WindowPasses({ api, pageSize: 2 }).pass(walk, never);
      while ((await steps.next()).done !== true);
      assert.deepEqual([walk.seen.size, walk.pagesWithoutProgress], [3, 0], String(nth));
    }
  });

  describe('that looks for bad events', () => {
    const options = { window: SECOND, pageSize: 4, isolates: true };

    it('sets aside what is not an event, and counts it', async () => {
      const { pages, walk, asked, end } = await pass(() => page([1, 'null', 2], 3), options);
      assert.deepEqual([asked, pages, walk.rejected, end], [['0/4', '0/4'], [[2, 1]], 1, 'total reached']);
    });

    it('halves the window of a page that cannot be read, after a second try', async () => {
      const { asked, end } = await pass(() => unreadable(), { ...options, window: HOUR });
      assert.deepEqual([asked, end], [['0/4', '0/4'], { parts: 2 }]);
    });

    it('halves the page where the window is one second, until the bad event is alone, and goes on behind it', async () => {
      const broken: Answer = ({ searchParams }) => {
        const [offset, limit] = ['offset', 'limit'].map((name) => Number(searchParams.get(name))) as [number, number];
        const text = server({ events: 6 })(new URL(`x:?offset=${offset}&limit=${limit}`)) as string;
        return offset <= 2 && offset + limit > 2 ? text.replace('"@uuid":"2"', '"@uuid":[') : text;
      };
      const { asked, pages, walk, end } = await pass(broken, options);
      const found = ['0/4', '0/4', '0/2', '2/4', '2/4', '2/2', '2/2', '2/1', '2/1'];
      assert.deepEqual(asked, [...found, '3/1', '4/4']);
      assert.deepEqual([pages, walk.rejected, walk.seen.size, end], [[[2, 0], [1, 1], [2, 0]], 1, 5, 'total reached']); // prettier-ignore
    });

    it('sets several in a row aside in their order', async () => {
      const broken: Answer = ({ searchParams }) =>
        Number(searchParams.get('offset')) < 2 ? `[{"a":[${searchParams.get('offset')}}]` : page(['{"@uuid":"c"}'], 3);
      const found: string[] = [];
      const api = new ScriptedApi(broken);
      const steps = new WindowPasses({ api, pageSize: 1 }).pass(walkThrough(SECOND, true), never);
      for await (const { rejected } of steps)
        for (const { json, start, end } of rejected) found.push(json.toString('utf8', start, end));
      assert.deepEqual(found, ['{"a":[0}', '{"a":[1}']);
    });

    it('fails at once where nothing is in the list, and the answer cannot be read all the same', async () => {
      let requests = 0;
      const broken: Answer = () => (requests++, '{"hits":{"hits":[],}}');
      await assert.rejects(pass(broken, { ...options, pageSize: 1 }), { name: 'UnreadablePageError' });
      assert.equal(requests, 2);
    });

    it('does not take an answer that is cut off for a bad event', async () => {
      let requests = 0;
      const cut: Answer = () => (requests++, '{"hits":{"hits":[{"@uuid":"1"}]');
      await assert.rejects(pass(cut, { ...options, pageSize: 1 }), { name: 'PageError' });
      assert.equal(requests, 2);
    });

    it('gives up where more than twenty in a row cannot be read', async () => {
      const broken: Answer = () => '{"hits":{"hits":[{"a":[}]}}';
      await assert.rejects(pass(broken, { ...options, pageSize: 1 }), { name: 'UnreadablePageError' });
      const { asked } = await pass(
        ({ searchParams }) => (Number(searchParams.get('offset')) < 20 ? broken(new URL('x:')) : page([], 20)),
        { ...options, pageSize: 1 },
      );
      assert.equal(asked.length, 41);
    });

    it('ends where the same that is not an event comes again and again', async () => {
      await assert.rejects(
        pass(() => page(['null']), options),
        /^PageError: the API sends the same page again at offset 8 between/,
      );
    });

    it('fails where the answer has no list of events at all, or by another error', async () => {
      for (const answer of ['<html>', '{"a":[01]}', '{"hits":{"hits":[01']) {
        await assert.rejects(
          pass(() => answer, { ...options, pageSize: 1 }),
          PageError,
        );
      }
      await assert.rejects(
        pass(() => refusal(503), options),
        { status: 503 },
      );
    });

    it('is not every pass: otherwise a page that cannot be read is an error at once', async () => {
      await assert.rejects(
        pass(() => unreadable()),
        { name: 'PageError' },
      );
    });
  });
});

describe('how many events a window has', () => {
  const count = async (answer: Answer) => {
    const api = new ScriptedApi(answer);
    return [await new WindowPasses({ api, pageSize: 100 }).count('31721060', HOUR, never), api.parameter('limit')];
  };

  it('is asked with a page of one event', async () => {
    assert.deepEqual(await count(server({ events: 250 })), [250, ['1']]);
    assert.deepEqual(await count(server({ events: 0 })), [0, ['1']]);
  });

  it('is unknown where the server does not say, or says no exact number', async () => {
    for (const total of ['none', 10_000, { value: 7, relation: 'gte' }, 0] as const) {
      assert.deepEqual(await count(server({ events: 250, total })), [undefined, ['1']], JSON.stringify(total));
    }
    assert.deepEqual(await count(server({ events: 9_999 })), [9_999, ['1']]);
    assert.deepEqual(await count(server({ events: 1, total: { value: 1, relation: 'eq' } })), [1, ['1']]);
  });
});
