/** Plays `GET /v1/project-logs` of cloudscale.ch, https://www.cloudscale.ch/en/api/v1. */

import { type Answer, jsonAnswer } from './answer.ts';
import { type Cursor, readCursor, writeCursor } from './cloudscale-cursor.ts';
import type { CloudscaleLog } from './cloudscale-log.ts';
import type { CloudscaleStore } from './cloudscale-store.ts';
import type { CloudscaleOptions, SandboxOptions } from './options.ts';
import type { RequestRecord } from './request-record.ts';

export class CloudscaleApi {
  readonly #store: CloudscaleStore;
  readonly #options: SandboxOptions;
  #generation = 0;

  constructor(store: CloudscaleStore, options: SandboxOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** All cursors given out so far become stale. */
  expireCursors(): void {
    this.#generation++;
  }

  /** `intruder` takes the place of the page's middle entry. */
  answer(record: RequestRecord, intruder?: Buffer): Answer {
    if (record.method !== 'GET') return cloudscaleError(405, `Method "${record.method}" not allowed.`);
    const token = /^Bearer (.+)$/.exec(record.headers['authorization'] ?? '')?.[1];
    if (token === undefined) return cloudscaleError(401, 'Authentication credentials were not provided.');
    const log = this.#store.log(token);
    if (log === undefined) return cloudscaleError(401, 'Invalid token.');
    const cursor = this.#cursorOf(record.query);
    return 'status' in cursor ? cursor : this.#page(log, cursor, record, intruder);
  }

  #cursorOf(query: RequestRecord['query']): Cursor | Answer {
    const now = this.#options.now();
    if (query['cursor'] === undefined) {
      const start = readInstant(query['start']);
      const end = readInstant(query['end']);
      if (start === undefined) return jsonAnswer(400, '{"start":["Enter a valid date/time."]}');
      const { keptMs } = this.#options.cloudscale;
      if (keptMs !== null && (start ?? 0) < (now - keptMs) * 1000) {
        return jsonAnswer(400, '{"start":["must not be that far in the past"]}');
      }
      if (end === undefined) return jsonAnswer(400, '{"end":["Enter a valid date/time."]}');
      return { position: 0, start, end, issued: now, generation: this.#generation };
    }
    const cursor = readCursor(query['cursor']);
    const { staleStatus, maxCursorAgeMs } = this.#options.cloudscale;
    if (cursor === undefined) return cloudscaleError(400, 'Invalid cursor.');
    const tooOld = maxCursorAgeMs !== null && now - cursor.issued > maxCursorAgeMs;
    if (tooOld || cursor.generation < this.#generation) return cloudscaleError(staleStatus, 'Cursor has expired.');
    return cursor;
  }

  #page(log: CloudscaleLog, cursor: Cursor, record: RequestRecord, intruder: Buffer | undefined): Answer {
    const { pageSize } = this.#options.cloudscale;
    const results: Buffer[] = [];
    let position = cursor.position;
    let isLast = true;
    for (; position < log.visible.length; position++) {
      const entry = log.visible[position];
      if (entry === undefined || !inRange(entry.time, cursor)) continue;
      isLast = results.length < pageSize;
      if (!isLast) break;
      results.push(entry.bytes);
    }
    if (intruder !== undefined) results.splice(results.length >> 1, 1, intruder);

    const issued = { ...cursor, position, issued: this.#options.now(), generation: this.#generation };
    const url = new URL(`http://${record.headers['host'] ?? '127.0.0.1'}/v1/project-logs`);
    url.searchParams.set('cursor', writeCursor(issued));
    const next = isLast ? 'null' : JSON.stringify(this.#cursorUrl(url, 'next'));
    const tail = `],"next":${next},"poll_more":${JSON.stringify(this.#cursorUrl(url, 'poll_more'))}}`;
    return jsonAnswer(200, Buffer.concat([Buffer.from('{"results":['), ...joined(results), Buffer.from(tail)]));
  }

  #cursorUrl(url: URL, member: 'next' | 'poll_more'): string {
    const { foreignCursors, foreignIn } = this.#options.cloudscale;
    return foreignIn === 'both' || foreignIn === member ? foreign(url, foreignCursors) : url.href;
  }
}

const COMMA = Buffer.from(',');

function joined(results: readonly Buffer[]): Buffer[] {
  return results.flatMap((result, index) => (index === 0 ? [result] : [COMMA, result]));
}

function inRange(time: number, { start, end }: Cursor): boolean {
  const micros = Math.round(time * 1000);
  return (start === null || micros >= start) && (end === null || micros < end);
}

function foreign(url: URL, kind: CloudscaleOptions['foreignCursors']): string {
  if (typeof kind === 'object') return new URL(url.pathname + url.search, kind.origin).href;
  const changed = new URL(url);
  switch (kind) {
    case 'no':
      break;
    case 'host':
      changed.hostname = 'api.cloudscale.example';
      break;
    case 'port':
      changed.port = '1';
      break;
    case 'scheme':
      changed.protocol = 'https:';
      break;
    case 'credentials':
      changed.username = 'someone';
      changed.password = 'else';
      break;
  }
  return changed.href;
}

/** Microseconds since the epoch; null for none; undefined for a text that is no RFC 3339 instant. */
function readInstant(text: string | undefined): number | null | undefined {
  if (text === undefined) return null;
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i.exec(text);
  if (parts === null) return undefined;
  const [, seconds = '', fraction = '', zone = 'Z'] = parts;
  const micros = Date.parse(seconds + zone) * 1000 + Math.round(Number(`0${fraction}`) * 1_000_000);
  return Number.isNaN(micros) ? undefined : micros;
}

export function cloudscaleError(status: number, detail: string): Answer {
  return jsonAnswer(status, JSON.stringify({ detail }));
}
