/** Scripted faults: which request meets with which misfortune, and how often. */

import type { RequestRecord } from './request-record.ts';

export type Fault =
  /** Any status; the body is an error of the API by default. */
  | { type: 'status'; status: number; body?: string; headers?: Record<string, string> }
  /** Content-Length promises the whole body, the connection ends after `afterBytes`. */
  | { type: 'cut'; afterBytes?: number }
  /** The body ends early, and HTTP says that this was all. */
  | { type: 'truncate'; afterBytes?: number; framing?: 'length' | 'chunked' | 'close' }
  /** `100 Continue`, which nobody asked for, before the usual answer. */
  | { type: 'continue' }
  /** Connection reset instead of an answer. */
  | { type: 'reset' }
  /** Connection reset in the middle of the body. */
  | { type: 'reset-body'; afterBytes?: number }
  /** No answer, ever. */
  | { type: 'hang' }
  /** Head and some of the body, then silence. */
  | { type: 'hang-body'; afterBytes?: number }
  | { type: 'trickle'; bytesPerSecond: number }
  | { type: 'redirect'; location: string | ((request: RequestRecord) => string); status?: 301 | 302 | 303 | 307 | 308 }
  /** Status 200 with another body: HTML, nothing at all, JSON of another shape. */
  | { type: 'body'; body: string | Buffer; headers?: Record<string, string> }
  /** The page as it would be, but for one event that is `raw` (`42` by default). */
  | { type: 'bad-event'; raw?: string | Buffer }
  /** A valid page without events and with this much white space in it. `gzip` makes a bomb of it. */
  | { type: 'oversized'; mebibytes: number; announced?: boolean; gzip?: boolean }
  /** The page, compressed, with a damaged middle. */
  | { type: 'corrupt-gzip' };

export interface RequestMatch {
  kind?: RequestRecord['kind'];
  contract?: string;
  pageIndex?: RequestRecord['pageIndex'];
}

export interface FaultRule {
  /** All requests by default. */
  match?: RequestMatch | ((request: RequestRecord) => boolean);
  /** Matching requests that are let through before the first fault; 0 by default. */
  skip?: number;
  /** 1 by default; Infinity is fine. */
  times?: number;
  fault: Fault;
}

export interface ScriptedFault {
  readonly played: number;
  remove(): void;
}

/** What a load balancer says in front of an API that is down. */
export function gatewayPage(status: number): Fault {
  const title = `${status} ${status === 504 ? 'Gateway Time-out' : 'Bad Gateway'}`;
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  return { type: 'status', status, body, headers: { 'content-type': 'text/html' } };
}

/** 429 or 503 with `Retry-After`: a number of seconds, or a date. */
export function retryLater(status: 429 | 503, after: number | Date): Fault {
  const value = typeof after === 'number' ? `${after}` : after.toUTCString();
  return { type: 'status', status, headers: { 'retry-after': value } };
}

interface LiveRule {
  rule: FaultRule;
  matched: number;
  played: number;
}

/** The first rule that fits and is not used up wins. */
export class FaultBook {
  readonly #rules = new Set<LiveRule>();

  add(rule: FaultRule): ScriptedFault {
    const live: LiveRule = { rule, matched: 0, played: 0 };
    this.#rules.add(live);
    return {
      get played() {
        return live.played;
      },
      remove: () => void this.#rules.delete(live),
    };
  }

  /** The fault that this request meets with, counted as played. */
  take(request: RequestRecord): Fault | undefined {
    for (const live of this.#rules) {
      const { rule } = live;
      if (!fits(request, rule.match) || live.matched++ < (rule.skip ?? 0)) continue;
      live.played++;
      if (live.played >= (rule.times ?? 1)) this.#rules.delete(live);
      return rule.fault;
    }
    return undefined;
  }
}

function fits(request: RequestRecord, match: FaultRule['match']): boolean {
  if (typeof match === 'function') return match(request);
  return (
    (match?.kind ?? request.kind) === request.kind &&
    (match?.contract ?? request.contract) === request.contract &&
    (match?.pageIndex ?? request.pageIndex) === request.pageIndex
  );
}
