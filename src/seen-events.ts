import type { Identity } from './identity.ts';
import { IdentityMap } from './identity-map.ts';

/** Which events came already. Only those that were delivered are saved. */
export class SeenEvents {
  /** All that came, each with the second (epoch) until which it is worth keeping: no end before it is delivered. */
  readonly #until = new IdentityMap();
  #forgottenBefore = -Infinity;

  constructor(delivered: Iterable<readonly [second: number, ids: readonly Identity[]]> = []) {
    for (const [second, ids] of delivered) for (const id of ids) this.add(id, second);
  }

  /** Takes note of an event that came. False when it came before. */
  note(id: Identity): boolean {
    return this.#until.add(id, Infinity);
  }

  /** The event was delivered, and is worth knowing until this second. */
  add(id: Identity, second: number): void {
    this.#until.set(id, second < this.#forgottenBefore ? Infinity : second);
  }

  /** Events before this second cannot come again: they are let go of. */
  forgetBefore(instant: number): void {
    this.#forgottenBefore = Math.max(this.#forgottenBefore, instant);
    this.#until.deleteBelow(instant);
  }

  /**
   * What the state file holds: second → identities. 100,000 are written and read in a fraction of the time that a key
   * for each would take.
   */
  toJSON(): Record<string, readonly string[]> {
    const groups = new Map<number, string[]>();
    for (const [id, second] of this.#until) {
      if (second === Infinity) continue;
      const ids = groups.get(second);
      if (ids === undefined) groups.set(second, [id.toString()]);
      else ids.push(id.toString());
    }
    return Object.fromEntries(groups);
  }
}
