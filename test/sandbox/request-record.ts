/** What the sandbox remembers of each request. */

import type { IncomingMessage } from 'node:http';

export interface RequestRecord {
  readonly kind: 'contracts' | 'page' | 'entries' | 'other';
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
  /** Names and values alternate, as they came. */
  readonly rawHeaders: readonly string[];
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** As it stands in the path. */
  readonly contract: string | undefined;
  /** By the sandbox's clock, in milliseconds. */
  readonly time: number;
  /** `first`: no offset, or no cursor. */
  readonly pageIndex: 'first' | 'later';
  /** Undefined as long as no status has been sent. */
  status: number | undefined;
  /** Name of the scripted fault that was played. */
  fault: string | undefined;
}

export function recordOf(request: IncomingMessage, time: number): RequestRecord {
  const url = request.url ?? '/';
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
  const contract = /^\/activitylog\/v1\/contracts\/([^/]+)$/.exec(pathname)?.[1];
  const query: Record<string, string | undefined> = Object.fromEntries(searchParams);
  const headers = Object.entries(request.headers).map(([name, value]) => [name, value?.toString()] as const);
  const first = (query['offset'] ?? '0') === '0' && query['cursor'] === undefined;
  return {
    kind: kindOf(pathname, contract),
    method: request.method ?? '',
    url,
    path: pathname,
    query,
    rawHeaders: request.rawHeaders,
    headers: Object.fromEntries(headers),
    contract,
    time,
    pageIndex: first ? 'first' : 'later',
    status: undefined,
    fault: undefined,
  };
}

function kindOf(path: string, contract: string | undefined): RequestRecord['kind'] {
  if (contract !== undefined) return 'page';
  if (path === '/activitylog/v1/contracts') return 'contracts';
  return path === '/v1/project-logs' ? 'entries' : 'other';
}
