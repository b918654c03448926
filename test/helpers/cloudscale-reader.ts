/** Reads a project's log as a poll does, in this process: pages from a provider, the cursor kept. */

import type { TestContext } from 'node:test';
import type { ApiClientOptions } from '../../src/http/api-client.ts';
import { formatSecond } from '../../src/lib/duration.ts';
import { toLines } from '../../src/events/event.ts';
import { cloudscale } from '../../src/providers/cloudscale.ts';
import type { Page, Provider, Source } from '../../src/providers/provider.ts';
import type { Sandbox } from '../sandbox/server.ts';
import { captureLog, type CapturedLog } from './captured-log.ts';
import { clientFor, skipPause } from './test-client.ts';

export const PROJECT: Source = { id: 'project', name: 'cloudscale/project' };
const OVERLAP_MS = 300_000;

export class CloudscaleReader {
  /** What was printed, in its order. */
  readonly lines: string[] = [];
  readonly pages: Page[] = [];
  readonly log: CapturedLog = captureLog();
  readonly provider: Provider;
  /** Epoch seconds. */
  readonly start: number;
  cursor: string;
  lastEvent: number | undefined;
  /** What was set aside. */
  readonly rejected: string[] = [];
  isolatesBadEvents = false;

  constructor(t: TestContext, sandbox: Sandbox, startMs: number, client: Partial<ApiClientOptions> = {}) {
    const now = client.now ?? ((): number => sandbox.options.now());
    const api = clientFor(t, sandbox.url, { baseUrl: new URL('/v1', sandbox.url), now, ...client });
    const context = { api, log: this.log, now, pause: skipPause, overlapMs: OVERLAP_MS, pageSize: 1000, contracts: [] };
    this.provider = cloudscale.create(context);
    this.start = Math.floor(startMs / 1000);
    this.cursor = formatSecond(this.start);
  }

  /** Reads what is new. `afterPage` is given each page once it is printed; false ends the poll there. */
  async poll(afterPage: (page: Page) => boolean | undefined = () => undefined, end?: number): Promise<void> {
    const { cursor, start, lastEvent } = this;
    const checkpoint = {
      cursor,
      start,
      isolatesBadEvents: this.isolatesBadEvents,
      ...(lastEvent === undefined ? {} : { lastEvent }),
      ...(end === undefined ? {} : { end }),
    };
    for await (const page of this.provider.pages(PROJECT, checkpoint, never)) {
      this.pages.push(page);
      for (const one of page.rejected ?? []) this.rejected.push(one.json.toString('utf8', one.start, one.end));
      this.lines.push(...toLines(page.events).toString().split('\n').slice(0, -1));
      this.lastEvent = page.events.at(-1)?.time ?? this.lastEvent;
      this.cursor = page.cursor;
      if (afterPage(page) === false) return;
    }
  }
}

const never = new AbortController().signal;
