/** Takes the clock away from a program that runs in this process: its long pauses end when the test says so. */

import { syncBuiltinESMExports } from 'node:module';
import type { TestContext } from 'node:test';
import timers from 'node:timers/promises';

/** Shorter ones take their own time. */
const LONG_MS = 1_000;

export interface Pause {
  readonly ms: number;
  end(): void;
}

/** The pauses that were begun, in their order. */
export class Pauses {
  readonly #begun: Pause[] = [];
  #wake: (() => void) | undefined;

  /** The next one, which may have begun already. */
  async next(): Promise<Pause> {
    for (;;) {
      const pause = this.#begun.shift();
      if (pause !== undefined) return pause;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  begin(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(new Error('the pause was aborted'));
      if (signal?.aborted === true) {
        abort();
        return;
      }
      signal?.addEventListener('abort', abort, { once: true });
      const end = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      this.#begun.push({ ms, end });
      this.#wake?.();
    });
  }
}

/** From now to the end of the test. */
export function holdPauses(t: TestContext): Pauses {
  const pauses = new Pauses();
  const real = timers.setTimeout;
  const { mock } = t.mock.method(timers, 'setTimeout', (ms = 0, value?: unknown, options?: { signal?: AbortSignal }) =>
    ms < LONG_MS ? real(ms, value, options) : pauses.begin(ms, options?.signal),
  );
  syncBuiltinESMExports();
  t.after(() => {
    mock.restore();
    syncBuiltinESMExports();
  });
  return pauses;
}
