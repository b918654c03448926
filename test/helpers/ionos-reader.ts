/** Reads a contract as a poll does, in this process: pages from a provider, each event once, the cursor kept. */

import type { TestContext } from 'node:test';
import { formatSecond } from '../../src/lib/duration.ts';
import { toLines, type EventSlice } from '../../src/events/event.ts';
import { ionos } from '../../src/providers/ionos.ts';
import type { Page, Provider, Source } from '../../src/providers/provider.ts';
import type { Sandbox } from '../sandbox/server.ts';
import { captureLog, type CapturedLog } from './captured-log.ts';
import { clientFor, skipPause } from './test-client.ts';

export interface ReaderOptions {
  readonly pageSize?: number;
  readonly overlapMs?: number;
  /** Our clock; the sandbox's by default. */
  readonly now?: () => number;
  readonly contracts?: readonly string[];
}

/** A provider that asks the sandbox. */
export function providerFor(
  t: TestContext,
  sandbox: Sandbox,
  options: ReaderOptions = {},
): { provider: Provider; log: CapturedLog } {
  const { pageSize = 1000, overlapMs = 300_000, contracts = [], now = () => sandbox.options.now() } = options;
  const log = captureLog();
  const api = clientFor(t, sandbox.url, { now });
  return { provider: ionos.create({ api, log, now, pause: skipPause, overlapMs, pageSize, contracts }), log };
}

export class IonosReader {
  /** What was printed, in its order, without line breaks. */
  readonly lines: string[] = [];
  /** What was set aside. */
  readonly rejected: string[] = [];
  isolatesBadEvents = false;
  readonly pages: Page[] = [];
  readonly log: CapturedLog;
  readonly source: Source;
  cursor: string;
  /** Epoch seconds. */
  readonly start: number;
  readonly #provider: Provider;
  /** EventId → epoch seconds until which it is worth keeping. */
  readonly #seen = new Map<string, number>();

  constructor(t: TestContext, sandbox: Sandbox, contract: string, startMs: number, options: ReaderOptions = {}) {
    const { provider, log } = providerFor(t, sandbox, options);
    this.#provider = provider;
    this.log = log;
    this.start = Math.floor(startMs / 1000);
    this.cursor = formatSecond(this.start);
    this.source = { id: contract, name: `ionos/${contract}`, contract };
  }

  /** Reads what is new. `afterPage` is given each page once it is printed; false ends the poll there. */
  async poll(afterPage: (page: Page) => boolean | undefined = () => undefined, signal = never): Promise<void> {
    const checkpoint = { cursor: this.cursor, start: this.start, isolatesBadEvents: this.isolatesBadEvents };
    for await (const page of this.#provider.pages(this.source, checkpoint, signal)) {
      this.#print(page);
      if (afterPage(page) === false) return;
    }
  }

  #print(page: Page): void {
    this.pages.push(page);
    for (const { json, start, end } of page.rejected ?? []) this.rejected.push(json.toString('utf8', start, end));
    const { forgetBefore = -Infinity, between = { from: -Infinity, to: 0 } } = page;
    const isNew = ({ id: identity, time = NaN }: EventSlice): boolean => {
      const id = String(identity);
      if (this.#seen.has(id)) return false;
      const second = Math.floor(time / 1000);
      this.#seen.set(id, second >= between.from && second < between.to ? second : between.to);
      return true;
    };
    const text = toLines(page.events.filter(isNew)).toString();
    this.lines.push(...text.split('\n').slice(0, -1));
    this.cursor = page.cursor;
    for (const [id, time] of this.#seen) if (time < forgetBefore) this.#seen.delete(id);
  }
}

const never = new AbortController().signal;
