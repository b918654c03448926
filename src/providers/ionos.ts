import { formatDuration, formatSecond, parseInstant } from '../duration.ts';
import { ApiError, PageError, StateError } from '../errors.ts';
import type { EventSlice } from '../event.ts';
import { pause } from '../wait.ts';
import { IONOS_EVENT, scanContractList, scanIonosPage, type IonosPage } from './ionos-page.ts';
import type { Checkpoint, Page, Provider, ProviderContext, ProviderDefinition, Source } from './provider.ts';

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
/** Lateness of a clock that is worth a warning: windows are cut by it. */
const MAX_CLOCK_LEAD_MS = 30_000;
const MIN_CLOCK_LEAD_MS = 2_000;

/** The IONOS CLOUD Activity Log API: events of a time window, in pages by offset. */
export const ionos: ProviderDefinition = {
  name: 'ionos',
  defaultApiUrl: 'https://api.ionos.com',
  apiPath: '/activitylog/v1',
  defaultStateFile: '/var/lib/fluent-bit/activity_log_state.json',
  hasContracts: true,
  environment: {
    apiUrl: 'IONOS_API_URL',
    tokens: ['IONOS_API_TOKEN', 'IONOS_TOKEN'],
    username: 'IONOS_USERNAME',
    password: 'IONOS_PASSWORD',
  },
  fields: {
    time: IONOS_EVENT.time,
    event_type: ['event', 'type'],
    source_service: ['principal', 'sourceService'],
  },
  stubFields: [['@uuid'], ['meta'], ['principal'], ['event', 'type']],
  csvColumns: {
    time: IONOS_EVENT.time,
    uuid: IONOS_EVENT.id,
    event_type: ['event', 'type'],
    status: ['event', 'status'],
    message: ['event', 'message'],
    username: ['principal', 'identity', 'username'],
    source_ip: ['principal', 'sourceIP'],
    source_service: ['principal', 'sourceService'],
    service_host: ['principal', 'serviceHost'],
    request_id: ['meta', 'requestId'],
    transaction_id: ['meta', 'transactionId'],
    resources: ['event', 'resources'],
    param: ['event', 'param'],
  },
  create: (context) => new Ionos(context),
};

/** A time span in epoch seconds, end exclusive. */
interface Window {
  readonly from: number;
  readonly to: number;
}

/** How the walk through a window ended: all of it was had, or it must be cut into so many parts. */
interface Outcome {
  readonly parts: number;
  /** There was so little in it that the next one may be longer. */
  readonly isSparse?: boolean;
  /** What is in it and cannot be had. */
  readonly gap?: string;
}
const HALVE: Outcome = { parts: 2 };

class Ionos implements Provider {
  readonly #context: ProviderContext;
  /** What the server was last seen to accept; remembered for the run. */
  #limit: number;
  #warnedOfClock = false;

  constructor(context: ProviderContext) {
    this.#context = context;
    this.#limit = context.pageSize;
  }

  async sources(signal: AbortSignal): Promise<Source[]> {
    const { api, contracts, log } = this.#context;
    const ids = contracts.length > 0 ? contracts : await api.get(api.url('/contracts'), scanContractList, signal);
    if (ids.length === 0) log.warn('the token sees no contract: there is nothing to collect');
    return [...new Set(ids)].map((id) => ({ id, name: `ionos/${id}`, contract: id }));
  }

  async *pages(source: Source, checkpoint: Checkpoint, signal: AbortSignal): AsyncGenerator<Page> {
    const overlap = Math.ceil(this.#context.overlapMs / 1000);
    const end = Math.min(Math.floor(this.#context.now() / 1000), checkpoint.end ?? Infinity);
    const known = this.#knownUntil(source, checkpoint, end);
    let cursor = known;
    // A start ahead of the clock was written while the clock was wrong, like such a cursor.
    let from = Math.max(checkpoint.start > end ? -Infinity : checkpoint.start, known - overlap);
    let width = end - from;

    while (from < end) {
      const window = { from, to: Math.min(from + width, end) };
      const walk = this.#walk(source, window, signal);
      let step = await walk.next();
      for (; step.done !== true; step = await walk.next()) {
        yield { events: step.value, cursor: formatSecond(cursor), lateBefore: known, between: window };
      }
      if (step.value.parts > 1) {
        width = Math.max(1, Math.ceil((window.to - window.from) / step.value.parts));
        continue;
      }
      if (step.value.isSparse === true) width *= 2;
      from = window.to;
      cursor = Math.max(cursor, Math.min(window.to, this.#apiClock(source)));
      const { gap } = step.value;
      if (gap !== undefined) this.#context.log.error(`${source.name}: ${gap}`);
      yield { events: [], cursor: formatSecond(cursor), forgetBefore: cursor - overlap, gap };
    }
  }

  /** The cursor in epoch seconds. One that lies ahead of the clock was written while the clock was wrong. */
  #knownUntil(source: Source, { cursor }: Checkpoint, end: number): number {
    const ms = parseInstant(cursor);
    if (ms === undefined) throw new StateError(`${source.name}: its cursor "${cursor}" is no date and time`);
    const known = Math.floor(ms / 1000);
    if (known * 1000 <= this.#context.now() + MAX_CLOCK_LEAD_MS) return known;
    this.#context.log.error(
      `${source.name}: its cursor ${cursor} lies ahead of this machine's clock by ` +
        `${formatDuration(known * 1000 - this.#context.now())}; going on from ${formatSecond(end)}. ` +
        `If the clock was wrong until now, fetch what it missed with the export command.`,
    );
    return end;
  }

  /** How far a cursor may go, in epoch seconds: not past the API's own clock where ours is far ahead of it. */
  #apiClock(source: Source): number {
    const lead = this.#context.api.clockLeadMs ?? 0;
    // What the overlap makes up for does no harm; below two seconds a lead cannot be told from a slow answer.
    if (lead <= Math.max(MIN_CLOCK_LEAD_MS, Math.min(MAX_CLOCK_LEAD_MS, this.#context.overlapMs))) return Infinity;
    if (!this.#warnedOfClock) {
      this.#context.log.warn(
        `this machine's clock is ${formatDuration(lead)} ahead of the API's; ${source.name} and all others ` +
          `stay behind the API's clock until it is set right (timedatectl tells whether it is synchronized)`,
      );
    }
    this.#warnedOfClock = true;
    return Math.floor((this.#context.now() - lead) / 1000);
  }

  /**
   * All events of a window, page by page, whatever their order. New events shift the pages while they are read, so
   * the window is read again until as many different events have come as the server counts.
   */
  async *#walk(source: Source, window: Window, signal: AbortSignal): AsyncGenerator<readonly EventSlice[], Outcome> {
    const walk: Walk = {
      source,
      window,
      met: new Map(),
      pages: 0,
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
    const firstPage = walk.pages + 1;
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

      walk.pages++;
      let isNewPage = false;
      for (const { id = '' } of page.events) {
        const metOn = met.get(id) ?? 0;
        if (metOn < firstPage) isNewPage = true;
        if (metOn === walk.pages) walk.twins++;
        met.set(id, walk.pages);
      }
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
    const url = api.url(`/contracts/${encodeURIComponent(walk.source.id)}`);
    url.searchParams.set('dateStart', formatSecond(walk.window.from));
    url.searchParams.set('dateEnd', formatSecond(walk.window.to));
    url.searchParams.set('offset', String(offset));
    url.searchParams.set('limit', String(limit));
    try {
      return await api.get(url, scanIonosPage, signal);
    } catch (error) {
      const isRefusal = error instanceof ApiError && error.status !== undefined && REFUSALS.has(error.status);
      if (isRefusal && (offset > 0 || limit > 1)) return 'refused';
      throw error;
    }
  }
}

interface Walk {
  readonly source: Source;
  readonly window: Window;
  /** Each event that came, with the number of the page that it came on last. */
  readonly met: Map<string, number>;
  pages: number;
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
