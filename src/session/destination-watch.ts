import { lookAtDestination, newLosses, rememberDestination, type Destination } from '../delivery/destination.ts';
import type { FluentBit } from '../delivery/fluent-bit-counter.ts';
import { usualRejectedFolder } from '../delivery/rejected-chunks.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../state/store.ts';

/** Watches what became of the lines of earlier runs after Fluent Bit's input. */
export class DestinationWatch {
  readonly #fluentBit: FluentBit | undefined;
  readonly #store: Store;
  readonly #config: Config;
  readonly #now: () => number;
  #latest: Destination | undefined;

  /** Without `fluentBit`, it looks at nothing. */
  constructor(fluentBit: FluentBit | undefined, store: Store, config: Config, now: () => number) {
    this.#fluentBit = fluentBit;
    this.#store = store;
    this.#config = config;
    this.#now = now;
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
    if (this.#fluentBit === undefined) return undefined;
    const { state } = this.#store;
    const folder = usualRejectedFolder(this.#config.stateFile);
    this.#latest = await lookAtDestination(this.#fluentBit, folder, signal);
    const losses = await newLosses(this.#latest, state.destination, this.#config.overlapMs);
    const seen = rememberDestination(this.#latest, state.destination, this.#now());
    if (seen !== undefined) state.destination = seen;
    return losses;
  }
}
