/** Which events came already, by their identity or a short form of it. Only those that were delivered are saved. */
export class SeenEvents {
  /** All that came. */
  readonly #known = new Set<string>();
  /**
   * Those that were delivered, by the second (epoch) until which they are worth keeping: whole seconds are forgotten
   * at once, and 100,000 identities are written and read in a fraction of the time that a key for each would take.
   */
  readonly #delivered = new Map<number, string[]>();
  #forgottenBefore = -Infinity;

  constructor(delivered: Iterable<readonly [second: number, ids: readonly string[]]> = []) {
    for (const [second, ids] of delivered) for (const id of ids) this.add(id, second);
  }

  /** Takes note of an event that came. False when it came before. */
  note(id: string): boolean {
    const before = this.#known.size;
    return this.#known.add(id).size > before;
  }

  /** The event was delivered, and is worth knowing until this second. */
  add(id: string, second: number): void {
    this.#known.add(id);
    if (second < this.#forgottenBefore) return;
    const ids = this.#delivered.get(second);
    if (ids === undefined) this.#delivered.set(second, [id]);
    else ids.push(id);
  }

  /** Events before this second cannot come again: they are let go of. */
  forgetBefore(instant: number): void {
    this.#forgottenBefore = Math.max(this.#forgottenBefore, instant);
    for (const [second, ids] of this.#delivered) {
      if (second >= instant) continue;
      for (const id of ids) this.#known.delete(id);
      this.#delivered.delete(second);
    }
  }

  /** What the state file holds: second → identities. */
  toJSON(): Record<string, readonly string[]> {
    return Object.fromEntries(this.#delivered);
  }
}
