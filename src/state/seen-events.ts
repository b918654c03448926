import { EventId } from '../events/event-id.ts';
import { EventIdMap, type Occurrence } from '../events/event-id-map.ts';

/** Which events were received already. Only those that were delivered are saved. */
export class SeenEvents {
  /** All ids received, each with the second (epoch) until which it is kept: Infinity until it is delivered. */
  readonly #until = new EventIdMap();
  #forgottenBefore = -Infinity;

  constructor(delivered: Iterable<readonly [second: number, ids: readonly string[]]> = []) {
    for (const [second, ids] of delivered) for (const id of EventId.ofEach(ids)) this.#until.set(id, second);
  }

  /** Adds a received event: `known` when it came before, `altered` when its id came before with other bytes. */
  note(id: EventId): Occurrence {
    return this.#until.add(id, Infinity);
  }

  /** The event was delivered, and is kept until this second. */
  add(id: EventId, second: number): void {
    this.#until.set(id, second < this.#forgottenBefore ? Infinity : second);
  }

  get size(): number {
    return this.#until.size;
  }

  /** Forgets the events before this second: they cannot come again. */
  forgetBefore(instant: number): void {
    this.#forgottenBefore = Math.max(this.#forgottenBefore, instant);
    this.#until.deleteBelow(instant);
  }

  /** Those that were delivered, each with its second. */
  entries(): Iterable<[EventId, number]> {
    return this.#until.entries((until) => until !== Infinity);
  }

  /** Those that were delivered up to this second, second → ids: far fewer keys than ids. */
  upTo(last: number): Record<string, readonly string[]> {
    const groups: Partial<Record<string, string[]>> = {};
    for (const [id, second] of this.entries()) if (second <= last) (groups[second] ??= []).push(id.toString());
    return groups as Record<string, string[]>;
  }
}
