import { pause } from './wait.ts';

/** A smaller difference between two clocks is ignored: the overlap covers it. */
export const MAX_CLOCK_SKEW_MS = 30_000;

/** Where the program gets the time. Tests hand in a clock that they move. */
export interface Clock {
  /** Epoch milliseconds. It jumps when somebody sets the time, so no span is measured with it. */
  readonly now: () => number;
  /** Milliseconds since some instant. It never jumps: spans are measured with it. */
  readonly monotonic: () => number;
  /** Waits; throws the signal's reason when that is aborted first. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

export const systemClock: Clock = { now: Date.now, monotonic: () => process.uptime() * 1000, pause };
