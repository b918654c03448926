/** Which events came already, by the short form of their identity. Only those that were delivered are saved. */
export class SeenEvents {
  /** Identity → epoch seconds until which it is worth keeping. */
  readonly #delivered: Map<string, number>;
  /** Came in this run and were not delivered yet. */
  readonly #noted = new Set<string>();
  #forgetBefore = -Infinity;

  constructor(delivered: Iterable<readonly [string, number]> = []) {
    this.#delivered = new Map(delivered);
  }

  /** How many are known to be delivered. */
  get size(): number {
    return this.#delivered.size;
  }

  /** Takes note of an event that came. False when it came before. */
  note(id: string): boolean {
    if (this.#delivered.has(id) || this.#noted.has(id)) return false;
    this.#noted.add(id);
    return true;
  }

  /** The event was delivered. */
  add(id: string, time: number): void {
    this.#noted.delete(id);
    this.#delivered.set(id, time);
  }

  /** Events before this instant (epoch seconds) cannot come again: they are left out of the next save. */
  forgetBefore(instant: number): void {
    this.#forgetBefore = Math.max(this.#forgetBefore, instant);
  }

  /** Lets go of what cannot come again. */
  prune(): void {
    for (const [id, time] of this.#delivered) if (time < this.#forgetBefore) this.#delivered.delete(id);
  }

  /** What the state file holds. */
  toJSON(): Record<string, number> {
    this.prune();
    return Object.fromEntries(this.#delivered);
  }
}
