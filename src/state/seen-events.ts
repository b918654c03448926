import { EventId } from '../events/event-id.ts';
import { EventIdMap, type Occurrence } from '../events/event-id-map.ts';

/** Which events came already. Only those that were delivered are saved. */
export class SeenEvents {
  /** All that came, each with the second (epoch) until which it is worth keeping: no end before it is delivered. */
  readonly #until = new EventIdMap();
  /** How those of a second are saved, where that is known: what was loaded or saved before is not written out anew. */
  readonly #texts = new Map<number, string[]>();
  #forgottenBefore = -Infinity;

  constructor(delivered: Iterable<readonly [second: number, ids: readonly string[]]> = []) {
    const groups = [...delivered];
    for (const [second, ids] of groups) for (const id of EventId.ofEach(ids)) this.#until.set(id, second);
    for (const [second, ids] of groups) for (const id of ids) put(this.#texts, second, id);
  }

  /** Takes note of an event that came: `known` when it came before, `altered` when its id did, with other bytes. */
  note(id: EventId): Occurrence {
    return this.#until.add(id, Infinity);
  }

  /** The event was delivered, and is worth knowing until this second. */
  add(id: EventId, second: number): void {
    const before = this.#until.set(id, second < this.#forgottenBefore ? Infinity : second);
    this.#texts.delete(second);
    if (before !== undefined) this.#texts.delete(before);
  }

  /** Events before this second cannot come again: they are let go of. */
  forgetBefore(instant: number): void {
    this.#forgottenBefore = Math.max(this.#forgottenBefore, instant);
    this.#until.deleteBelow(instant);
    for (const second of this.#texts.keys()) if (second < instant) this.#texts.delete(second);
  }

  /**
   * What the state file holds: second → identities. 100,000 are written and read in a fraction of the time that a key
   * for each would take.
   */
  toJSON(): Record<string, readonly string[]> {
    const changed = new Map<number, string[]>();
    for (const [id, second] of this.#until.entries((until) => until !== Infinity && !this.#texts.has(until))) {
      put(changed, second, id.toString());
    }
    for (const [second, ids] of changed) this.#texts.set(second, ids);
    return Object.fromEntries(this.#texts);
  }
}

function put(groups: Map<number, string[]>, second: number, id: string): void {
  const ids = groups.get(second);
  if (ids === undefined) groups.set(second, [id]);
  else ids.push(id);
}
