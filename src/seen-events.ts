/**
 * Which events were printed, by the short form of their identity. What was printed is known at once; only what was
 * delivered is saved.
 */
export class SeenEvents {
  /** Identity → time in epoch seconds. */
  readonly #delivered: Map<string, number>;
  readonly #printed = new Map<string, number>();
  #forgetBefore = -Infinity;

  constructor(delivered: Iterable<readonly [string, number]> = []) {
    this.#delivered = new Map(delivered);
  }

  get size(): number {
    return this.#delivered.size;
  }

  has(id: string): boolean {
    return this.#delivered.has(id) || this.#printed.has(id);
  }

  /** Takes note of an event that is being printed. */
  addPrinted(id: string, time: number): void {
    this.#printed.set(id, time);
  }

  /** The event was delivered: it may be saved. */
  markDelivered(id: string): void {
    const time = this.#printed.get(id);
    if (time === undefined) return;
    this.#printed.delete(id);
    this.#delivered.set(id, time);
  }

  /** Events before this instant (epoch seconds) cannot come again: they are left out of the next save. */
  forgetBefore(instant: number): void {
    this.#forgetBefore = Math.max(this.#forgetBefore, instant);
  }

  /** What the state file holds: identities of delivered events with their times. */
  toJSON(): Record<string, number> {
    const kept: Record<string, number> = {};
    for (const [id, time] of this.#delivered) {
      if (time < this.#forgetBefore) this.#delivered.delete(id);
      else kept[id] = time;
    }
    return kept;
  }
}
