/** Pauses for a program that runs in this process: the long ones end when the test says so. */

import type { Clock } from '../../src/lib/clock.ts';

/** Shorter ones are over at once. */
const LONG_MS = 1_000;

export interface Pause {
  readonly ms: number;
  end(): void;
}

/** The pauses that were begun, in their order. */
export class Pauses {
  readonly #begun: Pause[] = [];
  #wake: (() => void) | undefined;

  /** To be handed in with a clock. */
  readonly pause: Clock['pause'] = async (ms, signal) => {
    signal.throwIfAborted();
    if (ms >= LONG_MS) await this.#begin(ms, signal);
  };

  /** The next one, which may have begun already. */
  async next(): Promise<Pause> {
    for (;;) {
      const pause = this.#begun.shift();
      if (pause !== undefined) return pause;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #begin(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      const end = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      this.#begun.push({ ms, end });
      this.#wake?.();
    });
  }
}
