import type { IonosPage } from './ionos-page.ts';

/** Elasticsearch's own limit for offset + limit; the API's is not documented. */
export const MAX_WINDOW_HITS = 10_000;
/**
 * Events are never spread evenly. A part is to hold so many standard deviations fewer than it may: with 500 allowed, 411
 * (50 windows and 230 requests for 20,000 events instead of 81 and 239), and with 5,000, 4,717.
 */
const DEVIATIONS = 4;

/** The total, unless it is capped or below what was received: then the window is read until a page is empty. */
export function believableTotal({ events, total, totalIsLowerBound }: IonosPage, offset: number): number | undefined {
  if (total === undefined || totalIsLowerBound || total >= MAX_WINDOW_HITS) return undefined;
  return events.length > 0 && offset + events.length > total ? undefined : total;
}

/** Whether there may be more than the server counts. */
export function isCapped({ total, totalIsLowerBound }: IonosPage): boolean {
  return totalIsLowerBound || total === MAX_WINDOW_HITS;
}

/** Into how many parts the window of this first page must be cut, so that each has at most `maxEvents`. */
export function partsOf(page: IonosPage, maxEvents: number): number {
  const { total } = page;
  if (total === undefined || (isCapped(page) ? total < maxEvents : total <= maxEvents)) return 1;
  const events = Math.max(maxEvents / 2, maxEvents - DEVIATIONS * Math.sqrt(maxEvents));
  return Math.max(2, Math.ceil(total / events));
}
