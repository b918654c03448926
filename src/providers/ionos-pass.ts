import type { EventSlice } from '../events/event.ts';
import { EventIdMap } from '../events/event-id-map.ts';
import { formatSecond, type TimeSpan } from '../lib/duration.ts';
import { ApiError, PageError } from '../lib/errors.ts';
import type { ReusableMemory } from '../lib/reusable-memory.ts';
import type { IonosPage } from './ionos-page.ts';
import { UnreadablePageError, fetchPage, isRefusal } from './ionos-request.ts';
import { MAX_WINDOW_HITS, believableTotal, isCapped, partsOf } from './ionos-total.ts';
import type { ProviderContext } from './provider.ts';

/** A window must fit into a run, or none would ever get past it: 4 minutes, and 30 seconds for a slow answer. */
const MAX_WINDOW_PAGES = 5;
/** The documented default: no server returns smaller pages. */
const DEFAULT_LIMIT = 20;
/** Into how many parts a window is cut where the server does not say how much too large it is. */
const BLIND_PARTS = 8;
/** Pages in a row without anything new. Late events push known ones onto the next page: a few are not a loop yet. */
const MAX_PAGES_WITHOUT_PROGRESS = 8;
/** Nobody asks for the count of less. A longer window that is refused may be too long. */
const COUNTED_SECONDS = 3_600;
/** With more unreadable events in a row, the API is broken, and not the events. */
const MAX_UNREADABLE = 20;

/** How the walk through a window ended: it was read, or it must be cut into so many parts. */
export interface Outcome {
  readonly parts: number;
  /** It had so few events that the next one may be longer. */
  readonly isSparse?: boolean;
  /** How many events the API counts in it; undefined where it does not say. */
  readonly total?: number | undefined;
  /** What it has and the API did not return, in words. */
  readonly gap?: string;
  /** The API does not accept the range, whatever the limit. */
  readonly refusal?: ApiError;
}
export const HALVE: Outcome = { parts: 2 };

export interface WindowPage {
  readonly events: readonly EventSlice[];
  readonly rejected: readonly EventSlice[];
}

/** The walk through one window, in one or more passes. */
export interface Walk {
  readonly contract: string;
  readonly window: TimeSpan;
  /** Bad events are found and set aside. */
  readonly isolates: boolean;
  readonly memory: ReusableMemory;
  /** Each event received. */
  readonly seen: EventIdMap;
  /** Events of the current pass that came twice in one answer, byte for byte: they count twice. */
  duplicates: number;
  /** How many items of the current pass were not events. */
  rejected: number;
  /** Pages of the current pass with nothing that the pass had not seen. */
  pagesWithoutProgress: number;
  /** There were empty pages before others that were not: the server leaves events out of its pages. */
  hasHoles: boolean;
  /** According to the last answer; undefined where that is not believable. */
  total: number | undefined;
  /** What the last answer said, believable or not. */
  counted: number | undefined;
  /** The most events that a window may have. */
  maxEvents: number;
}

type PassEnd = 'empty page' | 'total reached' | Outcome;

/** Passes through windows by offset, and remembers for the run which page size the server accepts. */
export class WindowPasses {
  readonly #api: ProviderContext['api'];
  /** What the server was last seen to accept. */
  #limit: number;
  /** The largest page so far. */
  #largestPage = DEFAULT_LIMIT;

  constructor({ api, pageSize }: Pick<ProviderContext, 'api' | 'pageSize'>) {
    this.#api = api;
    this.#limit = pageSize;
  }

  get limit(): number {
    return this.#limit;
  }

  /**
   * How many events the API counts in a window, at the cost of one request; undefined when there may be more, or when the
   * window is long and the API refuses it.
   */
  async count(contract: string, window: TimeSpan, signal: AbortSignal): Promise<number | undefined> {
    const query = { contract, window, offset: 0, limit: 1, isolates: false, rejects: true };
    const page = await fetchPage(this.#api, query, signal).catch((error: unknown) => {
      if (isRefusal(error) && window.to - window.from > COUNTED_SECONDS) return undefined;
      throw error;
    });
    if (page === undefined) return undefined;
    // More than can be read by offset can still be counted, except for the number that may be the limit itself.
    return isCapped(page) || page.events.length > (page.total ?? 0) ? undefined : page.total;
  }

  /** One pass: pages by offset until the total is reached or the rest is empty. */
  async *pass(walk: Walk, signal: AbortSignal): AsyncGenerator<WindowPage, PassEnd> {
    const { window, seen } = walk;
    const isDivisible = window.to - window.from > 1;
    // The first pass, which is nearly always the only one, needs one map, not two.
    const seenNow = seen.size === 0 ? seen : new EventIdMap();
    const unreadable: EventSlice[] = [];
    const rejectedNow = new Set<string>();
    let limit = this.#limit;
    let accepted = limit;
    let withoutProgress = 0;
    let emptyStep = 0;
    // What is not an event is let through only where the page stays as it is.
    let rejects = false;
    for (let offset = 0; ;) {
      // Stay within Elasticsearch's limit; beyond it, the server may refuse.
      const depth = MAX_WINDOW_HITS - offset;
      const asked = depth > 0 ? Math.min(limit, depth) : limit;
      const query = { ...walk, offset, limit: asked, rejects };
      let page: IonosPage;
      try {
        page = await fetchPage(this.#api, query, signal);
      } catch (error) {
        if (isRefusal(error)) {
          if (offset > 0 && isDivisible) return HALVE;
          if (asked > 1) {
            accepted = limit = Math.floor(asked / 2);
            continue;
          }
          return offset === 0 ? { parts: 1, refusal: error } : { parts: 1, gap: gapBehind(walk, offset) };
        }
        if (!walk.isolates || !(error instanceof PageError)) throw error;
        if (!rejects) {
          rejects = true;
          continue;
        }
        rejects = false;
        if (isDivisible) return HALVE;
        if (asked > 1) {
          limit = Math.floor(asked / 2);
          continue;
        }
        const hits = error instanceof UnreadablePageError ? error.hits : undefined;
        if (hits === undefined || unreadable.push(hits) > MAX_UNREADABLE) throw error;
        offset++;
        continue;
      }
      limit = accepted;
      rejects = false;
      const { events } = page;
      const rejected = [...unreadable.splice(0), ...page.rejected];
      walk.rejected += rejected.length;
      const count = events.length + page.rejected.length;
      this.#largestPage = Math.max(this.#largestPage, count);
      walk.counted = page.total;
      walk.total = believableTotal(page, offset);
      if (offset === 0) {
        this.#limit = Math.min(this.#limit, accepted);
        const pageSize = Math.max(count, Math.min(limit, count === 0 ? this.#largestPage : DEFAULT_LIMIT));
        walk.maxEvents = Math.min(MAX_WINDOW_HITS, MAX_WINDOW_PAGES * pageSize);
      }
      if (isDivisible && (count > 0 || offset === 0)) {
        const parts = offset === 0 ? partsOf(page, walk.maxEvents) : 1;
        if (parts > 1) return { parts };
        if (offset >= walk.maxEvents) return walk.total === undefined ? { parts: BLIND_PARTS } : HALVE;
      }
      if (count === 0) {
        // A server that filters its pages may leave one empty: the total says whether there is more.
        if (rejected.length > 0) yield { events, rejected };
        emptyStep = Math.min(asked, emptyStep === 0 ? this.#largestPage : 2 * emptyStep);
        offset += emptyStep;
        if (walk.total === undefined || offset >= walk.total) return 'empty page';
        continue;
      }
      if (emptyStep > 0) walk.hasHoles = true;
      emptyStep = 0;

      const before = seenNow.size;
      note(events, seen);
      if (seenNow !== seen) note(events, seenNow);
      const rejectedBefore = rejectedNow.size;
      for (const { id } of page.rejected) rejectedNow.add(String(id));
      const isNew = seenNow.size > before || rejectedNow.size > rejectedBefore;
      if (seenNow.size - before < events.length) walk.duplicates += duplicatesIn(events);
      withoutProgress = isNew ? 0 : withoutProgress + 1;
      if (!isNew) walk.pagesWithoutProgress++;
      if (withoutProgress === MAX_PAGES_WITHOUT_PROGRESS) {
        throw new PageError(`the API sends the same page again at offset ${offset} between ${span(window)}`);
      }
      yield { events, rejected };
      offset += count;
      if (walk.total !== undefined && offset >= walk.total) return 'total reached';
    }
  }
}

function note(events: readonly EventSlice[], seen: EventIdMap): void {
  for (const { id } of events) if (id !== undefined) seen.add(id, 0);
}

function duplicatesIn(events: readonly EventSlice[]): number {
  const different = new EventIdMap();
  note(events, different);
  return events.length - different.size;
}

function gapBehind({ counted, window }: Walk, offset: number): string {
  // A total that was capped does not say how many there are.
  const all = (counted ?? 0) > offset ? String(counted) : 'the';
  return `the API returns only the first ${offset} of ${all} events of the second ${formatSecond(window.from)}`;
}

export function span({ from, to }: TimeSpan): string {
  return `${formatSecond(from)} and ${formatSecond(to)}`;
}
