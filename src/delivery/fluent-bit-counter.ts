import { get } from '../http/http-get.ts';
import { Agent } from '../http/undici.ts';
import { withTimeout } from '../lib/wait.ts';

/** Its HTTP server has its own thread and answers within about 10 ms (measured with 5.1.1). */
const ANSWER_MS = 2_000;
/** How far two start times may differ and still be the same: the uptime comes in whole seconds. */
const START_TOLERANCE_S = 2;
/** Which input's records reached which output (flb_router.c). */
const ROUTED = 'fluentbit_routing_logs_records_total';
const ROUTED_AND_DROPPED = 'fluentbit_routing_logs_drop_records_total';

/** What Fluent Bit says about one of its inputs. Times are seconds since `startedAt`. */
export interface InputCounter {
  /** Lines parsed and accepted into storage since it started; refreshed once a second. */
  readonly records: number;
  /** Epoch seconds. */
  readonly startedAt: number;
  readonly uptime: number;
  /**
   * When the records were counted: the figures do not change while the command of an input without a thread runs.
   * Undefined when Fluent Bit does not say.
   */
  readonly countedAt: number | undefined;
  /** Its memory or storage limit is reached, so it takes nothing. False when Fluent Bit does not say. */
  readonly isPaused: boolean;
}

/** What became of an output's records since Fluent Bit started. */
export interface OutputCounter {
  /** Its alias, or `http.0`. */
  readonly name: string;
  /** Records that the destination took. */
  readonly delivered: number;
  /** Chunks that will never be sent. */
  readonly errors: number;
  /** Attempts that will be repeated. */
  readonly retries: number;
  /** Records given up: refused by the destination, or out of retries. */
  readonly dropped: number;
  /** Records of this input that are neither delivered nor dropped; 0 where Fluent Bit (before 4.2) does not say. */
  readonly waiting: number;
}

/** The outputs of a Fluent Bit since its start. */
export interface OutputCounters {
  /** Epoch seconds. */
  readonly startedAt: number;
  /** Those that got records from this input; all of them where Fluent Bit (before 4.2) does not say which. */
  readonly outputs: readonly OutputCounter[];
}

/** Fluent Bit answers, but has no input of this name. */
export class NoSuchInputError extends Error {}

/** Fluent Bit's own figures, from its HTTP server (`HTTP_Server On`). */
export class FluentBit {
  readonly #url: URL;
  readonly #input: string;
  readonly #now: () => number;
  readonly #agent = new Agent();

  constructor(url: URL, input: string, now: () => number) {
    this.#url = url;
    this.#input = input;
    this.#now = now;
  }

  /** Throws when it does not answer, or has no input of that name. */
  async counter(signal: AbortSignal): Promise<InputCounter> {
    const { metrics, prometheus, startedAt, uptime } = await this.#figures(signal);
    const inputs = member(metrics, 'input');
    const records = member(member(inputs, this.#input), 'records');
    if (typeof records !== 'number') {
      const names = typeof inputs === 'object' && inputs !== null ? Object.keys(inputs).join(', ') : 'none';
      throw new NoSuchInputError(`it has no input with the Alias ${this.#input} (it has: ${names})`);
    }
    return {
      records,
      startedAt,
      uptime,
      countedAt: valueOf(prometheus, 'fluentbit_uptime'),
      isPaused: valueOf(prometheus, 'fluentbit_input_ingestion_paused', `name="${this.#input}"`) === 1,
    };
  }

  /** What became of the lines after the input. Throws when Fluent Bit does not answer. */
  async outputs(signal: AbortSignal): Promise<OutputCounters> {
    const { metrics, prometheus, startedAt } = await this.#figures(signal);
    const found = member(metrics, 'output');
    const records = valueOf(prometheus, 'fluentbit_input_records_total', `name="${this.#input}"`);
    /** Of this input's records, how many left for the output; undefined when none did. */
    const routed = (name: string): number | undefined => {
      const label = `{input="${this.#input}",output="${name}"}`;
      const [sent, dropped] = [valueOf(prometheus, ROUTED, label), valueOf(prometheus, ROUTED_AND_DROPPED, label)];
      return sent === undefined && dropped === undefined ? undefined : (sent ?? 0) + (dropped ?? 0);
    };
    const outputs = Object.entries(typeof found === 'object' && found !== null ? found : {}).map(
      ([name, figures]: [string, unknown]) => ({
        name,
        delivered: numberOf(figures, 'proc_records'),
        errors: numberOf(figures, 'errors'),
        retries: numberOf(figures, 'retries'),
        dropped: numberOf(figures, 'dropped_records'),
        waiting: Math.max(0, (records ?? 0) - (routed(name) ?? Infinity)),
      }),
    );
    const own = outputs.filter(({ name }) => routed(name) !== undefined);
    return { startedAt, outputs: own.length > 0 ? own : outputs };
  }

  /** Such as `5.1.1`; undefined when it does not say. Throws when Fluent Bit does not answer. */
  async version(signal: AbortSignal): Promise<string | undefined> {
    const answer: unknown = JSON.parse(await this.#get('/', signal));
    const found = member(member(answer, 'fluent-bit'), 'version');
    return typeof found === 'string' ? found : undefined;
  }

  async #figures(signal: AbortSignal) {
    // In this order, the records are at least as new as the time of counting.
    const prometheus = await this.#get('/api/v2/metrics/prometheus', signal).catch(() => '');
    const [metrics, uptime] = await Promise.all([
      this.#get('/api/v1/metrics', signal),
      this.#get('/api/v1/uptime', signal),
    ]);
    const seconds = member(JSON.parse(uptime), 'uptime_sec');
    if (typeof seconds !== 'number') throw new Error('its uptime cannot be read');
    return {
      metrics: JSON.parse(metrics) as unknown,
      prometheus,
      startedAt:
        valueOf(prometheus, 'fluentbit_process_start_time_seconds') ?? Math.floor(this.#now() / 1000) - seconds,
      uptime: seconds,
    };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #get(path: string, signal: AbortSignal): Promise<string> {
    const url = new URL(path, this.#url);
    return withTimeout(
      signal,
      ANSWER_MS,
      () => new Error(`no answer from ${url.host} within ${ANSWER_MS / 1000} s`),
      async (limited) => {
        const { status, body } = await get(url, this.#agent, { signal: limited });
        if (status !== 200) throw new Error(`${url.pathname} answered HTTP ${status}`);
        return body.toString();
      },
    );
  }
}

/** Whether Fluent Bit has not been restarted between two answers: its counters begin at 0 with each start. */
export function isSameLife(a: number, b: number): boolean {
  return Math.abs(a - b) <= START_TOLERANCE_S;
}

/** The first sample of a metric, with this label if one is named (Prometheus' text format). */
function valueOf(prometheus: string, metric: string, label = ''): number | undefined {
  const line = prometheus.split('\n').find((text) => text.startsWith(`${metric}{`) && text.includes(label));
  const value = line
    ?.slice(line.lastIndexOf('}') + 1)
    .trim()
    .split(' ')[0];
  return value === undefined || value === '' ? undefined : Number(value);
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

function numberOf(figures: unknown, key: string): number {
  const value = member(figures, key);
  return typeof value === 'number' ? value : 0;
}
