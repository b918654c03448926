import { EventIdMap } from '../events/event-id-map.ts';
import { PageError } from '../lib/errors.ts';
import { ReusableMemory } from '../lib/reusable-memory.ts';
import { HALVE, WindowPasses, span, type Outcome, type Walk, type WindowPage } from './ionos-pass.ts';
import type { TimeSpan } from '../lib/duration.ts';
import type { ProviderContext } from './provider.ts';

/** Passes in a row that may bring nothing new before a window is cut. */
const MAX_PASSES_WITHOUT_PROGRESS = 2;
/** The same where it cannot be cut; with doubled pauses between, 3.5 seconds in total. */
const MAX_SHORT_PASSES = 4;
const SHORT_PAUSE_MS = 500;

/** What the walks through a source's windows use one after the other: allocating it for each would cost time. */
export class Scratch {
  readonly memory = new ReusableMemory();
  readonly seen = new EventIdMap();
  /** Bad events are found and set aside. */
  readonly isolates: boolean;

  constructor(isolates = false) {
    this.isolates = isolates;
  }
}

/** Reads windows of the IONOS Activity Log to their end. */
export class WindowReader {
  readonly #pause: ProviderContext['pause'];
  readonly #passes: WindowPasses;

  constructor(context: Pick<ProviderContext, 'api' | 'pageSize' | 'pause'>) {
    this.#pause = context.pause;
    this.#passes = new WindowPasses(context);
  }

  /** How many events the API counts in a window, at the cost of one request; undefined when there may be more. */
  async count(contract: string, window: TimeSpan, signal: AbortSignal): Promise<number | undefined> {
    return this.#passes.count(contract, window, signal);
  }

  /**
   * All events of a window, page by page, whatever their order. New events shift the pages while they are read, so
   * the window is read again until as many different events have come as the server counts. A page's events are in the
   * scratch memory, and valid until the next page is asked for.
   */
  async *read(
    contract: string,
    window: TimeSpan,
    signal: AbortSignal,
    { isolates, memory, seen }: Scratch,
  ): AsyncGenerator<WindowPage, Outcome> {
    seen.clear();
    const walk: Walk = {
      contract,
      window,
      isolates,
      memory,
      seen,
      duplicates: 0,
      rejected: 0,
      pagesWithoutProgress: 0,
      hasHoles: false,
      total: undefined,
      counted: undefined,
      maxEvents: 0,
    };
    for (let withoutProgress = 0; ;) {
      const before = seen.size;
      walk.duplicates = walk.rejected = walk.pagesWithoutProgress = 0;
      const end = yield* this.#passes.pass(walk, signal);
      if (end !== 'empty page' && end !== 'total reached') return end;
      const came = seen.size + walk.duplicates + walk.rejected;
      if (walk.total === undefined || came >= walk.total) {
        return { parts: 1, isSparse: came < walk.maxEvents / 4, total: walk.total };
      }

      withoutProgress = seen.size > before ? 0 : withoutProgress + 1;
      const account = `the API counts ${walk.total} events between ${span(window)}`;
      if (walk.hasHoles && withoutProgress > 0) {
        return { parts: 1, total: walk.total, gap: `${account}, but leaves some out of its pages: ${came} came` };
      }
      // Events that are equal byte for byte are counted on one page only, and where the empty page came late, a
      // smaller window may have the rest.
      const isTooLarge = window.to - window.from > 1 && (end === 'total reached' || came >= this.#passes.limit);
      if (isTooLarge && withoutProgress >= MAX_PASSES_WITHOUT_PROGRESS) return HALVE;
      if (withoutProgress < MAX_SHORT_PASSES) {
        // The server may just have been busy.
        if (!isTooLarge && withoutProgress > 0) await this.#pause(SHORT_PAUSE_MS * 2 ** (withoutProgress - 1), signal);
        continue;
      }
      if (end === 'total reached') {
        const returned = `${account}, but returned ${came} distinct ones`;
        if (walk.pagesWithoutProgress > 0) throw new PageError(`${returned}, again and again`);
        return { parts: 1, total: walk.total, gap: `${returned}: pages overlap` };
      }
      if (came === 0) throw new PageError(`${account}, but returned none`);
      return { parts: 1, total: walk.total, gap: `${account}, but its pages end after ${came}` };
    }
  }
}
