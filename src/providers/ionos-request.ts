import type { EventSlice } from '../events/event.ts';
import { rejectedSlice } from '../events/event.ts';
import { JsonSyntaxError } from '../events/json-tokens.ts';
import type { RequestOptions } from '../http/api-client.ts';
import { formatSecond, type TimeSpan } from '../lib/duration.ts';
import { ApiError, PageError } from '../lib/errors.ts';
import type { ReusableMemory } from '../lib/reusable-memory.ts';
import { scanIonosPage, type IonosPage } from './ionos-page.ts';
import { ATTEMPTS_TO_ISOLATE, type Api } from './provider.ts';

/** How a server says that it does not accept a limit, an offset or a range. */
const REFUSALS = new Set([400, 413, 414, 416, 422]);

interface PageQuery {
  readonly contract: string;
  readonly window: TimeSpan;
  readonly offset: number;
  readonly limit: number;
  /** Looks for bad events: a page that fails twice is taken for one that has them. */
  readonly isolates: boolean;
  /** What is not an event is returned as `rejected`. */
  readonly rejects: boolean;
  readonly memory?: ReusableMemory;
}

/** A page that is not JSON, though it is as long as it should be. */
export class UnreadablePageError extends PageError {
  /** The bytes inside the list of events; undefined where the answer has no list. */
  readonly hits: EventSlice | undefined;

  constructor(error: PageError, hits: EventSlice | undefined) {
    super(error.message, error);
    this.hits = hits;
  }
}

/** Asks for a page of a contract's events. Throws ApiError and PageError. */
export async function fetchPage(
  api: Api,
  { contract, window, offset, limit, isolates, rejects, memory }: PageQuery,
  signal: AbortSignal,
): Promise<IonosPage> {
  const url = api.url(`/contracts/${encodeURIComponent(contract)}`);
  url.searchParams.set('dateStart', formatSecond(window.from));
  url.searchParams.set('dateEnd', formatSecond(window.to));
  url.searchParams.set('offset', String(offset));
  url.searchParams.set('limit', String(limit));
  const options: RequestOptions = {
    // Needed by users of resellers, who have several contracts; others are not affected.
    headers: { 'x-contract-number': contract },
    memory,
    ...(isolates ? { maxAttempts: ATTEMPTS_TO_ISOLATE } : {}),
  };
  const scan = (json: Buffer): IonosPage => {
    try {
      return scanIonosPage(json, rejects);
    } catch (error) {
      const isUnreadable = error instanceof PageError && error.cause instanceof JsonSyntaxError && !error.cause.cutOff;
      throw isUnreadable ? new UnreadablePageError(error, hitsIn(json)) : error;
    }
  };
  return api.get(url, scan, signal, options);
}

/** Whether the API accepts a range at all, whatever the offset and the limit. */
export async function isAccepted(api: Api, contract: string, window: TimeSpan, signal: AbortSignal): Promise<boolean> {
  try {
    await fetchPage(api, { contract, window, offset: 0, limit: 1, isolates: true, rejects: true }, signal);
  } catch (error) {
    if (isRefusal(error)) return false;
    if (!(error instanceof PageError)) throw error;
  }
  return true;
}

export function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status !== undefined && REFUSALS.has(error.status);
}

/** A copy of the bytes inside the list of events, in a text that is not JSON; undefined where there are none. */
function hitsIn(json: Buffer): EventSlice | undefined {
  const text = json.toString('latin1');
  const open = /^\s*(?:\[|\{(?:.*?)"(?:hits|items)"\s*:\s*\[)/s.exec(text);
  const close = /\][\s}]*$/.exec(text);
  if (open === null || close === null || close.index <= open[0].length) return undefined;
  const hits = Buffer.from(json.subarray(open[0].length, close.index));
  return rejectedSlice(hits, 0, hits.length);
}
