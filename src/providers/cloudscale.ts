import { MAX_CLOCK_SKEW_MS } from '../lib/clock.ts';
import { formatDuration, formatSecond, parseInstant } from '../lib/duration.ts';
import { ApiError, PageError, StateError, messageOf } from '../lib/errors.ts';
import type { EventSlice } from '../events/event.ts';
import { ReusableMemory } from '../lib/reusable-memory.ts';
import { earliest } from './earliest.ts';
import { CLOUDSCALE_ENTRY, scanCloudscalePage } from './cloudscale-page.ts';
import {
  ATTEMPTS_TO_ISOLATE,
  type Checkpoint,
  type Page,
  type Provider,
  type ProviderContext,
  type ProviderDefinition,
  type Source,
} from './provider.ts';

/** How a server may say that it no longer knows a cursor; the API does not document it. */
const STALE_STATUSES = new Set([400, 404, 410]);
/** The same for a start that is too long ago. */
const TOO_OLD_STATUSES = new Set([400, 410, 422]);

/** The project logs of cloudscale.ch: pages by a cursor that the API hands out. One token is for one project. */
export const cloudscale: ProviderDefinition = {
  name: 'cloudscale',
  defaultApiUrl: 'https://api.cloudscale.ch',
  apiPath: '/v1',
  defaultStateFile: '/var/lib/fluent-bit/cloudscale_log_state.json',
  tokenPlace: "the project's API tokens in the control panel",
  hasContracts: false,
  environment: { apiUrl: 'CLOUDSCALE_API_URL', tokens: ['CLOUDSCALE_API_TOKEN'] },
  fields: { time: CLOUDSCALE_ENTRY.time, event_type: ['action'] },
  stubFields: [['timestamp'], ['ip_address'], ['action'], ['actor'], ['subject'], ['message']],
  csvColumns: {
    time: CLOUDSCALE_ENTRY.time,
    action: ['action'],
    message: ['message'],
    ip_address: ['ip_address'],
    actor: ['actor'],
    subject: ['subject'],
  },
  create: (context) => new Cloudscale(context),
};

const PROJECT: Source = { id: 'project', name: 'cloudscale/project' };

class Cloudscale implements Provider {
  readonly #context: ProviderContext;

  constructor(context: ProviderContext) {
    this.#context = context;
  }

  sources(): Promise<Source[]> {
    return Promise.resolve([PROJECT]);
  }

  async *pages(source: Source, checkpoint: Checkpoint, signal: AbortSignal): AsyncGenerator<Page> {
    const { api, log } = this.#context;
    let url = this.#firstUrl(checkpoint);
    let isStored = parseInstant(checkpoint.cursor) === undefined;
    let isFirst = !isStored;
    let isNarrowed = false;
    let rejects = false;
    const visited = new Set<string>();
    const memory = new ReusableMemory();
    const isolates = checkpoint.isolatesBadEvents === true;
    const options = isolates ? { memory, maxAttempts: ATTEMPTS_TO_ISOLATE } : { memory };
    for (;;) {
      let page;
      try {
        page = await api.get(url, (json) => scanCloudscalePage(json, rejects), signal, options);
        rejects = false;
      } catch (error) {
        if (error instanceof PageError && isolates && !rejects) {
          rejects = true;
          continue;
        }
        const earlier = isFirst ? this.#byServersClock(checkpoint) : undefined;
        if (earlier !== undefined) yield { events: [], cursor: earlier };
        if (isStored && isRefusal(error, STALE_STATUSES)) {
          url = this.#startAgain(source, checkpoint, error);
          isStored = false;
          continue;
        }
        const refused = parseInstant(url.searchParams.get('start') ?? '');
        if (refused === undefined || isNarrowed || !isRefusal(error, TOO_OLD_STATUSES)) throw error;
        isNarrowed = true;
        const from = await this.#earliestAccepted(Math.floor(refused / 1000), checkpoint, error, signal);
        url = this.#since(formatSecond(from), checkpoint);
        if (from * 1000 <= refused) continue;
        const gap =
          `the API refuses to go back so far (${error.message}); ` +
          `entries from ${formatSecond(refused / 1000)} to ${formatSecond(from)} cannot be collected`;
        log.error(`${source.name}: ${gap}`);
        yield { events: [], cursor: formatSecond(from), gap };
        continue;
      }
      isStored = false;
      const earlier = isFirst ? this.#byServersClock(checkpoint) : undefined;
      isFirst = false;
      if (earlier !== undefined) {
        yield { events: [], cursor: earlier };
        url = this.#since(earlier, checkpoint);
        continue;
      }
      visited.add(url.href);
      const next = page.next === null ? undefined : api.ownUrl(page.next);
      const rejected = page.rejected.length === 0 ? {} : { rejected: page.rejected };
      yield { events: page.entries.filter(isWanted(checkpoint)), ...rejected, cursor: api.ownUrl(page.pollMore).href };
      if (next === undefined) return;
      if (visited.has(next.href)) throw new PageError('its next page is one that was read already');
      url = next;
    }
  }

  /** The cursor is the next URL or, before the first page, the instant to start at. */
  #firstUrl(checkpoint: Checkpoint): URL {
    const { cursor } = checkpoint;
    if (parseInstant(cursor) !== undefined) return this.#since(cursor, checkpoint);
    try {
      return this.#context.api.ownUrl(cursor);
    } catch (error) {
      const advice = 'restore the previous --api-url, or start over with another --state-file';
      throw new ApiError(`the stored cursor cannot be used (${messageOf(error)}): ${advice}`, {
        retryable: false,
        cause: error,
      });
    }
  }

  /**
   * Where to start instead when the first answer, good or bad, shows that our start is in the API's future: events
   * until then are wanted, too. It becomes the cursor even if this poll fails.
   */
  #byServersClock({ cursor, end }: Checkpoint): string | undefined {
    const { api, log, now } = this.#context;
    const skew = api.clockSkewMs ?? 0;
    const begin = parseInstant(cursor) ?? 0;
    if (end !== undefined || skew <= MAX_CLOCK_SKEW_MS || begin <= now() - skew) return undefined;
    log.warn(`this machine's clock is ${formatDuration(skew)} ahead of the API's: starting that much earlier`);
    return formatSecond((begin - skew) / 1000);
  }

  #startAgain(source: Source, checkpoint: Checkpoint, error: ApiError): URL {
    const { overlapMs, log } = this.#context;
    const { lastEvent, start, end } = checkpoint;
    if (end !== undefined) {
      // Entries have no identity: what was exported already could not be recognized.
      throw new StateError(`${source.name}: the API no longer accepts the stored cursor (${error.message})`);
    }
    // Never after the last entry: a start may have been written while the clock was ahead.
    const last = lastEvent === undefined ? undefined : Math.floor(lastEvent / 1000);
    const from = last === undefined ? start : Math.min(last, Math.max(start, last - Math.ceil(overlapMs / 1000)));
    log.error(
      `${source.name}: the API no longer accepts the stored cursor (${error.message}); continuing from ` +
        `${formatSecond(from)}, a little before the last delivered entry: some entries are printed twice`,
    );
    return this.#since(formatSecond(from), checkpoint);
  }

  /** The earliest start that the API accepts (epoch seconds). Throws the refusal when it accepts none. */
  async #earliestAccepted(
    refused: number,
    checkpoint: Checkpoint,
    refusal: ApiError,
    signal: AbortSignal,
  ): Promise<number> {
    const { api, now } = this.#context;
    const accepts = async (second: number): Promise<boolean> => {
      try {
        await api.get(this.#since(formatSecond(second), checkpoint), (json) => scanCloudscalePage(json, true), signal);
        return true;
      } catch (error) {
        if (isRefusal(error, TOO_OLD_STATUSES)) return false;
        throw error;
      }
    };
    const present = Math.min(Math.floor(now() / 1000), checkpoint.end ?? Infinity) - 1;
    if (present <= refused || !(await accepts(present))) throw refusal;
    if (await accepts(refused)) return refused;
    // What the API retains moves with the clock, and the next request comes a moment later.
    return Math.min((await earliest(refused, present, accepts)) + 1, present);
  }

  #since(instant: string, { end }: Checkpoint): URL {
    const url = this.#context.api.url('/project-logs');
    url.searchParams.set('start', instant);
    if (end !== undefined) url.searchParams.set('end', formatSecond(end));
    return url;
  }
}

/** Whether an entry is before the end; a cursor need not keep the end of the query that it came from. */
function isWanted({ end }: Checkpoint): (entry: EventSlice) => boolean {
  return ({ time }) => end === undefined || time === undefined || time < end * 1000;
}

function isRefusal(error: unknown, statuses: ReadonlySet<number>): error is ApiError {
  return error instanceof ApiError && error.status !== undefined && statuses.has(error.status);
}
