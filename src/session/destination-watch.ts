import { lookAtDestination, newLosses, rememberDestination, type Destination } from '../delivery/destination.ts';
import type { FluentBit } from '../delivery/fluent-bit-counter.ts';
import { usualRejectedFolder } from '../delivery/rejected-chunks.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../state/store.ts';

interface WatchOptions {
  /** Without it, nothing is looked at. */
  readonly fluentBit: FluentBit | undefined;
  readonly store: Store;
  readonly config: Config;
  readonly now: () => number;
}

/** Watches what became of the lines of earlier runs after Fluent Bit's input. */
export class DestinationWatch {
  readonly #options: WatchOptions;
  #latest: Destination | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** What the last look found; undefined before it. */
  get latest(): Destination | undefined {
    return this.#latest;
  }

  /**
   * Looks, notes what it saw in the state without saving it, and returns a warning when something was dropped or
   * rejected since the last look. Never throws: the events of this run do not depend on it.
   */
  async look(signal: AbortSignal): Promise<string | undefined> {
    const { fluentBit, store, config, now } = this.#options;
    if (fluentBit === undefined) return undefined;
    const { state } = store;
    this.#latest = await lookAtDestination(fluentBit, usualRejectedFolder(config.stateFile), signal);
    const losses = await newLosses(this.#latest, state.destination, config.overlapMs);
    const seen = rememberDestination(this.#latest, state.destination, now());
    if (seen !== undefined) state.destination = seen;
    return losses;
  }
}
