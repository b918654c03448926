import { formatSecond } from '../lib/duration.ts';
import { ApiError, PageError } from '../lib/errors.ts';
import type { EventSlice } from '../events/event.ts';
import { EventIdMap } from '../events/event-id-map.ts';
import { ReusableMemory } from '../lib/reusable-memory.ts';
import { pause } from '../lib/wait.ts';
import { scanIonosPage, type IonosPage } from './ionos-page.ts';
import type { ProviderContext } from './provider.ts';

/** Elasticsearch's own limit for offset + limit; the API's is not documented. */
const MAX_WINDOW_HITS = 10_000;
/** A window must fit into a run, or none would ever get behind it: 4 minutes, and 30 seconds for a slow answer. */
const MAX_WINDOW_PAGES = 5;
/** As documented: no server cuts its pages to less. */
const DEFAULT_LIMIT = 20;
/** Into how many parts a window is cut where the server does not say how much too large it is. */
const BLIND_PARTS = 8;
/** So much more than its share may a part have without being cut once more. */
const UNEVENNESS = 1.1;
/** How a server says that it does not accept a limit or an offset. */
const REFUSALS = new Set([400, 413, 414, 416, 422]);
/** Passes in a row that may bring nothing new before a window is cut. */
const MAX_FRUITLESS = 2;
/** The same where it cannot be cut, before it is taken for short; with doubled pauses between, 3.5 seconds in all. */
const MAX_SHORT = 4;
const SHORT_PAUSE_MS = 500;
/** The same for pages. Late events push what was met already onto the next page: a few are no endless loop yet. */
const MAX_STALLED = 8;

/** A time span in epoch seconds, end exclusive. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** How the walk through a window ended: all of it was had, or it must be cut into so many parts. */
export interface Outcome {
  readonly parts: number;
  /** There was so little in it that the next one may be longer. */
  readonly isSparse?: boolean;
  /** What is in it and cannot be had. */
  readonly gap?: string;
}
const HALVE: Outcome = { parts: 2 };

/** What the walks through a source's windows use, one after the other: to have it anew for each would cost time. */
export class Scratch {
  readonly memory = new ReusableMemory();
  readonly met = new EventIdMap();
}

/** Reads windows of the IONOS Activity Log to their end, and remembers for the run which page size is accepted. */
export class WindowReader {
  readonly #context: Pick<ProviderContext, 'api'>;
  /** What the server was last seen to accept. */
  #limit: number;

  constructor(context: Pick<ProviderContext, 'api' | 'pageSize'>) {
    this.#context = context;
    this.#limit = context.pageSize;
  }

  /**
   * All events of a window, page by page, whatever their order. New events shift the pages while they are read, so
   * the window is read again until as many different events have come as the server counts.
   * A page's events lie in `scratch`, until the next page is asked for.
   */
  async *read(
    contract: string,
    window: Window,
    signal: AbortSignal,
    { memory, met }: Scratch,
  ): AsyncGenerator<readonly EventSlice[], Outcome> {
    met.clear();
    const walk: Walk = {
      contract,
      window,
      memory,
      met,
      twins: 0,
      repeats: 0,
      total: undefined,
      counted: undefined,
      most: 0,
    };
    for (let fruitless = 0; ;) {
      const before = walk.met.size;
      walk.twins = 0;
      walk.repeats = 0;
      const end = yield* this.#pass(walk, signal);
      if (end !== 'empty page' && end !== 'total reached') return end;
      const had = walk.met.size + walk.twins;
      if (walk.total === undefined || had >= walk.total) return { parts: 1, isSparse: had < walk.most / 4 };

      fruitless = walk.met.size > before ? 0 : fruitless + 1;
      // Events that are alike to the byte can be counted on one page only, and where the empty page came late, a
      // smaller window may have what lies behind it.
      const isTooLarge = window.to - window.from > 1 && (end === 'total reached' || had >= this.#limit);
      if (isTooLarge && fruitless >= MAX_FRUITLESS) return HALVE;
      if (isTooLarge || fruitless < MAX_SHORT) {
        // The server may have been caught at a bad moment.
        if (!isTooLarge && fruitless > 0) await pause(SHORT_PAUSE_MS * 2 ** (fruitless - 1), signal);
        continue;
      }
      const account = `${had} of the ${walk.total} events that the API counts between ${span(window)}`;
      if (end === 'total reached') {
        if (walk.repeats > 0) throw new PageError(`the same events come again and again: ${account}`);
        return { parts: 1, gap: `only ${account} are different ones: some stand on several pages` };
      }
      if (had === 0) throw new PageError(`no event came: ${account}`);
      return { parts: 1, gap: `only ${account} could be had: it has no more pages` };
    }
  }

  async *#pass(walk: Walk, signal: AbortSignal): AsyncGenerator<readonly EventSlice[], PassEnd> {
    const { window, met } = walk;
    const isDivisible = window.to - window.from > 1;
    // One does for both where nothing was met before, as a rule.
    const metNow = met.size === 0 ? met : new EventIdMap();
    let limit = this.#limit;
    let stalled = 0;
    for (let offset = 0; ;) {
      // Within Elasticsearch's limit as long as that lasts; beyond it, one can only try.
      const depth = MAX_WINDOW_HITS - offset;
      const page = await this.#fetch(walk, offset, depth > 0 ? Math.min(limit, depth) : limit, signal);
      if (page === 'refused') {
        if (offset > 0 && isDivisible) return HALVE;
        if (limit > 1) {
          limit = Math.floor(limit / 2);
          continue;
        }
        // A total that was capped says nothing of how many there are.
        const all = (walk.counted ?? 0) > offset ? String(walk.counted) : 'the';
        const where = `of the second ${formatSecond(window.from)}`;
        return {
          parts: 1,
          gap: `the API gives only the first ${offset} of ${all} events ${where}; the others cannot be had`,
        };
      }
      walk.counted = page.total;
      walk.total = believableTotal(page, offset);
      if (offset === 0) {
        this.#limit = Math.min(this.#limit, limit);
        const pageSize = Math.max(page.events.length, Math.min(limit, DEFAULT_LIMIT));
        walk.most = Math.min(MAX_WINDOW_HITS, MAX_WINDOW_PAGES * pageSize);
      }
      if (page.events.length === 0) return 'empty page';
      if (isDivisible) {
        const parts = offset === 0 ? partsOf(page, walk.most) : 1;
        if (parts > 1) return { parts };
        if (offset >= walk.most) return walk.total === undefined ? { parts: BLIND_PARTS } : HALVE;
      }

      const before = metNow.size;
      note(page.events, met);
      if (metNow !== met) note(page.events, metNow);
      const isNewPage = metNow.size > before;
      if (metNow.size - before < page.events.length) walk.twins += twinsIn(page.events);
      stalled = isNewPage ? 0 : stalled + 1;
      if (!isNewPage) walk.repeats++;
      if (stalled === MAX_STALLED) {
        throw new PageError(`the API sends the same page again at offset ${offset} between ${span(window)}`);
      }
      yield page.events;
      offset += page.events.length;
      if (walk.total !== undefined && offset >= walk.total) return 'total reached';
    }
  }

  async #fetch(walk: Walk, offset: number, limit: number, signal: AbortSignal): Promise<IonosPage | 'refused'> {
    const { api } = this.#context;
    const url = api.url(`/contracts/${encodeURIComponent(walk.contract)}`);
    url.searchParams.set('dateStart', formatSecond(walk.window.from));
    url.searchParams.set('dateEnd', formatSecond(walk.window.to));
    url.searchParams.set('offset', String(offset));
    url.searchParams.set('limit', String(limit));
    try {
      return await api.get(url, scanIonosPage, signal, walk.memory);
    } catch (error) {
      const isRefusal = error instanceof ApiError && error.status !== undefined && REFUSALS.has(error.status);
      if (isRefusal && (offset > 0 || limit > 1)) return 'refused';
      throw error;
    }
  }
}

interface Walk {
  readonly contract: string;
  readonly window: Window;
  readonly memory: ReusableMemory;
  /** Each event that came. */
  readonly met: EventIdMap;
  /** Events of the current pass that stood twice in one answer, alike to the byte: they are two all the same. */
  twins: number;
  /** Pages of the current pass with nothing that the pass had not met. */
  repeats: number;
  /** By the last answer; undefined where that cannot be believed. */
  total: number | undefined;
  /** What the last answer said, believable or not. */
  counted: number | undefined;
  /** So many events may a window have. */
  most: number;
}

type PassEnd = 'empty page' | 'total reached' | Outcome;

function note(events: readonly EventSlice[], met: EventIdMap): void {
  for (const { id } of events) if (id !== undefined) met.add(id, 0);
}

function twinsIn(events: readonly EventSlice[]): number {
  const different = new EventIdMap();
  note(events, different);
  return events.length - different.size;
}

/** The total, unless it is capped, or below what has come already: then the window is read until a page is empty. */
function believableTotal({ events, total, totalIsLowerBound }: IonosPage, offset: number): number | undefined {
  if (total === undefined || totalIsLowerBound || total >= MAX_WINDOW_HITS) return undefined;
  return offset + events.length > total ? undefined : total;
}

/** Into how many parts the window of this first page must be cut, so that each has no more than so many events. */
function partsOf({ total, totalIsLowerBound }: IonosPage, most: number): number {
  const isCapped = totalIsLowerBound || total === MAX_WINDOW_HITS;
  if (total === undefined || (isCapped ? total < most : total <= most)) return 1;
  return Math.max(2, Math.ceil((total / most) * UNEVENNESS));
}

function span({ from, to }: Window): string {
  return `${formatSecond(from)} and ${formatSecond(to)}`;
}
