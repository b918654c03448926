import { Agent, request } from 'undici';
import { withTimeout } from './wait.ts';

/** Its HTTP server answers within some 10 ms, from a thread of its own (measured with 5.1.1). */
const ANSWER_MS = 2_000;
/** What its clock may seem to move between two answers of one life: the uptime comes in whole seconds. */
const START_TOLERANCE_S = 2;

/** What Fluent Bit says of one of its inputs. */
export interface InputCounter {
  /** Lines parsed and accepted into storage since it started; refreshed once a second. */
  readonly records: number;
  /** When this life of it began, in epoch seconds. */
  readonly startedAt: number;
}

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
    const [metrics, uptime] = await Promise.all([
      this.#get('/api/v1/metrics', signal),
      this.#get('/api/v1/uptime', signal),
    ]);
    const inputs = member(JSON.parse(metrics), 'input');
    const records = member(member(inputs, this.#input), 'records');
    if (typeof records !== 'number') {
      const names = typeof inputs === 'object' && inputs !== null ? Object.keys(inputs).join(', ') : 'none';
      throw new Error(`it has no input with the Alias ${this.#input} (it has: ${names})`);
    }
    const seconds = member(JSON.parse(uptime), 'uptime_sec');
    if (typeof seconds !== 'number') throw new Error('its uptime cannot be read');
    return { records, startedAt: Math.floor(this.#now() / 1000) - seconds };
  }

  /** Whether it takes nothing at present: its memory or storage limit is reached. False when it does not say. */
  async isPaused(signal: AbortSignal): Promise<boolean> {
    const metrics = await this.#get('/api/v2/metrics/prometheus', signal).catch(() => '');
    return metrics
      .split('\n')
      .some(
        (line) =>
          line.startsWith('fluentbit_input_ingestion_paused{') &&
          line.includes(`name="${this.#input}"`) &&
          / 1(\.0*)?( \d+)?$/.test(line.trimEnd()),
      );
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
        const { statusCode, body } = await request(url, { dispatcher: this.#agent, signal: limited });
        const text = await body.text();
        if (statusCode !== 200) throw new Error(`${url.pathname} answered HTTP ${statusCode}`);
        return text;
      },
    );
  }
}

/** Whether two figures come from one life of Fluent Bit: its counters start again at 0 with each. */
export function isSameLife(a: number, b: number): boolean {
  return Math.abs(a - b) <= START_TOLERANCE_S;
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}
