/** The query of `GET /contracts/{n}`, and which pages the sandbox gives out. */

import type { SandboxOptions } from './options.ts';

export interface PageQuery {
  /** Milliseconds since the epoch, inclusive. */
  start: number;
  /** Exclusive. */
  end: number;
  offset: number;
  limit: number;
}

type Limits = Pick<SandboxOptions, 'maxLimit' | 'limitBehaviour' | 'maxOffset' | 'offsetRule' | 'ignoreOffset'>;

/** A text says why the query is refused. Unknown parameters, startDate and endDate among them, have no effect. */
export function readPageQuery(query: Readonly<Record<string, string | undefined>>, limits: Limits): PageQuery | string {
  const start = readDate(query['dateStart'], -Infinity);
  const end = readDate(query['dateEnd'], Infinity);
  const offset = readCount(query['offset'], 0);
  const limit = readCount(query['limit'], 20);
  if (start === undefined) return `dateStart is not a date: ${query['dateStart'] ?? ''}`;
  if (end === undefined) return `dateEnd is not a date: ${query['dateEnd'] ?? ''}`;
  if (offset === undefined) return `offset is not a number: ${query['offset'] ?? ''}`;
  if (limit === undefined) return `limit is not a number: ${query['limit'] ?? ''}`;
  if (limit > limits.maxLimit && limits.limitBehaviour === 'refused') {
    return `limit must not be greater than ${limits.maxLimit}`;
  }
  const given = Math.min(limit, limits.maxLimit);
  const depth = limits.offsetRule === 'offset' ? offset : offset + given;
  if (limits.maxOffset !== null && depth > limits.maxOffset) {
    return `Result window is too large, ${limits.offsetRule} must be less than or equal to: [${limits.maxOffset}] but was [${depth}]`;
  }
  return { start, end, offset: limits.ignoreOffset ? 0 : offset, limit: given };
}

/** Why the range is refused, in the server's words. */
export function refusedRange(
  { start, end }: PageQuery,
  { keptMs, maxRangeMs, now }: Pick<SandboxOptions, 'keptMs' | 'maxRangeMs' | 'now'>,
): string | undefined {
  if (keptMs !== null && start < now() - keptMs) return 'dateStart must not be before the retention period';
  if (maxRangeMs !== null && end - start > maxRangeMs) return 'the range between dateStart and dateEnd is too long';
  return undefined;
}

function readDate(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? Date.parse(text) : NaN;
  const exists = !Number.isNaN(time) && new Date(time).toISOString() === text.replace('Z', '.000Z');
  return exists ? time : undefined;
}

function readCount(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
