import { MAX_CLOCK_SKEW_MS } from '../lib/clock.ts';
import { formatDuration, formatSecond, parseInstant } from '../lib/duration.ts';
import { StateError } from '../lib/errors.ts';
import { listContracts } from './ionos-contracts.ts';
import { IONOS_EVENT } from './ionos-page.ts';
import { acceptedRange } from './ionos-range.ts';
import { Scratch, WindowReader } from './ionos-window.ts';
import type { Checkpoint, Page, Provider, ProviderContext, ProviderDefinition, Source } from './provider.ts';

/** A smaller skew cannot be distinguished from a slow answer. */
const MIN_CLOCK_SKEW_MS = 2_000;

/** The IONOS CLOUD Activity Log API: events of a time window, in pages by offset. */
export const ionos: ProviderDefinition = {
  name: 'ionos',
  defaultApiUrl: 'https://api.ionos.com',
  apiPath: '/activitylog/v1',
  defaultStateFile: '/var/lib/fluent-bit/activity_log_state.json',
  tokenPlace: 'the DCD, Management > Token Manager',
  hasContracts: true,
  environment: {
    apiUrl: 'IONOS_API_URL',
    tokens: ['IONOS_API_TOKEN', 'IONOS_TOKEN'],
    username: 'IONOS_USERNAME',
    password: 'IONOS_PASSWORD',
  },
  idKey: '@uuid',
  fields: {
    time: IONOS_EVENT.time,
    event_type: ['event', 'type'],
    source_service: ['principal', 'sourceService'],
  },
  stubFields: [['@uuid'], ['meta'], ['principal'], ['event', 'type']],
  csvColumns: {
    time: IONOS_EVENT.time,
    uuid: IONOS_EVENT.id,
    event_type: ['event', 'type'],
    status: ['event', 'status'],
    message: ['event', 'message'],
    username: ['principal', 'identity', 'username'],
    source_ip: ['principal', 'sourceIP'],
    source_service: ['principal', 'sourceService'],
    service_host: ['principal', 'serviceHost'],
    request_id: ['meta', 'requestId'],
    transaction_id: ['meta', 'transactionId'],
    resources: ['event', 'resources'],
    param: ['event', 'param'],
  },
  create: (context) => new Ionos(context),
};

class Ionos implements Provider {
  readonly #context: ProviderContext;
  readonly #windows: WindowReader;
  #warnedOfClock = false;

  constructor(context: ProviderContext) {
    this.#context = context;
    this.#windows = new WindowReader(context);
  }

  async sources(signal: AbortSignal): Promise<Source[]> {
    const { contracts, log } = this.#context;
    const ids = contracts.length > 0 ? contracts : await listContracts(this.#context, signal);
    if (ids.length === 0) log.warn('the token sees no contract: there is nothing to collect');
    return [...new Set(ids)].map((id) => ({ id, name: `ionos/${id}`, contract: id }));
  }

  async count(source: Source, from: number, to: number, signal: AbortSignal): Promise<number | undefined> {
    return this.#windows.count(source.id, { from, to }, signal);
  }

  async *pages(source: Source, checkpoint: Checkpoint, signal: AbortSignal): AsyncGenerator<Page> {
    const { log } = this.#context;
    const overlap = Math.ceil(this.#context.overlapMs / 1000);
    const end = Math.min(Math.floor(this.#now() / 1000), checkpoint.end ?? Infinity);
    const known = this.#knownUntil(source, checkpoint, end);
    let cursor = known;
    // A start ahead of the clock was written while the clock was wrong, like such a cursor.
    let from = Math.max(checkpoint.start > end ? -Infinity : checkpoint.start, known - overlap);
    let width = end - from;
    let maxWidth = Infinity;
    const scratch = new Scratch(checkpoint.isolatesBadEvents);

    while (from < end) {
      const window = { from, to: Math.min(from + width, end) };
      const walk = this.#windows.read(source.id, window, signal, scratch);
      let step = await walk.next();
      for (; step.done !== true; step = await walk.next()) {
        yield { ...step.value, cursor: formatSecond(cursor), lateBefore: known, between: window };
      }
      const { parts, isSparse, refusal, total } = step.value;
      let { gap } = step.value;
      if (parts > 1) {
        width = Math.max(1, Math.ceil((window.to - window.from) / parts));
        continue;
      }
      if (refusal === undefined) {
        if (isSparse === true) width = Math.min(width * 2, maxWidth);
        from = window.to;
      } else {
        const accepted = await acceptedRange(this.#context.api, source.id, window, end, signal);
        if (accepted === undefined) throw refusal;
        ({ from } = accepted);
        maxWidth = width = accepted.width;
        if (from > Math.max(known, window.from)) {
          const lost = `${formatSecond(Math.max(known, window.from))} to ${formatSecond(from)}`;
          gap = `the API refuses to go back so far (${refusal.message}); events from ${lost} cannot be collected`;
        }
      }
      cursor = Math.max(cursor, Math.min(from, this.#apiClock(source), this.#ownClock()));
      if (gap !== undefined) log.error(`${source.name}: ${gap}`);
      yield { events: [], cursor: formatSecond(cursor), forgetBefore: cursor - overlap, gap, counted: total };
    }
  }

  /** Our clock, or the API's where ours is far behind it, as after a boot without network time. */
  #now(): number {
    const { api, now } = this.#context;
    const skew = api.clockSkewMs ?? 0;
    return skew < -MAX_CLOCK_SKEW_MS ? now() - skew : now();
  }

  /** The cursor in epoch seconds. One ahead of the clock was written while the clock was wrong. */
  #knownUntil(source: Source, { cursor }: Checkpoint, end: number): number {
    const ms = parseInstant(cursor);
    if (ms === undefined) throw new StateError(`${source.name}: its cursor "${cursor}" is not a date and time`);
    const known = Math.floor(ms / 1000);
    if (known * 1000 <= this.#now() + MAX_CLOCK_SKEW_MS) return known;
    this.#context.log.error(
      `${source.name}: its cursor ${cursor} is ahead of this machine's clock by ` +
        `${formatDuration(known * 1000 - this.#now())}; continuing from ${formatSecond(end)}. ` +
        `If the clock was wrong until now, run redeliver for the time in between.`,
    );
    return end;
  }

  /** How far a cursor may go, in epoch seconds: not past our own clock, even where the API's is ahead of it. */
  #ownClock(): number {
    return Math.floor(this.#context.now() / 1000);
  }

  /** How far a cursor may go, in epoch seconds: not past the API's own clock where ours is far ahead of it. */
  #apiClock(source: Source): number {
    const skew = this.#context.api.clockSkewMs ?? 0;
    // Skew that the overlap covers does no harm.
    if (skew <= Math.max(MIN_CLOCK_SKEW_MS, Math.min(MAX_CLOCK_SKEW_MS, this.#context.overlapMs))) return Infinity;
    if (!this.#warnedOfClock) {
      this.#context.log.warn(
        `this machine's clock is ${formatDuration(skew)} ahead of the API's; ${source.name} and all others ` +
          `stay behind the API's clock until it is set right (timedatectl shows whether it is synchronized)`,
      );
    }
    this.#warnedOfClock = true;
    return Math.floor((this.#context.now() - skew) / 1000);
  }
}
