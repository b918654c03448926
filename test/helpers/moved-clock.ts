import type { Clock } from '../../src/lib/clock.ts';

/** A clock that stands still until a test, or a pause, moves it. */
export class MovedClock implements Clock {
  /** Every pause, in milliseconds. */
  readonly pauses: number[] = [];
  #now: number;
  #monotonic = 0;

  constructor(now: string | number) {
    this.#now = new Date(now).getTime();
  }

  readonly now = (): number => this.#now;

  readonly monotonic = (): number => this.#monotonic;

  readonly pause = (ms: number, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    this.pauses.push(ms);
    this.move(ms);
    return Promise.resolve();
  };

  move(ms: number): void {
    this.#now += ms;
    this.#monotonic += ms;
  }
}
