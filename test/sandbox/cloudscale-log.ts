/** The log of one cloudscale.ch project: entries in the order in which they became visible. */

import { type NewEvent, StoredEvent } from './event-log.ts';

export class CloudscaleLog {
  /** Read-only from outside; a cursor is a position in here, so nothing is ever put in between. */
  readonly visible: StoredEvent[] = [];
  #pending: StoredEvent[] = [];
  #sorted = true;
  #added = 0;
  /** Number of entries that were made up, see `CloudscaleStore`. */
  generated = 0;

  add(entry: NewEvent): StoredEvent {
    const stored = new StoredEvent(entry, this.#added++);
    this.#pending.push(stored);
    this.#sorted = false;
    return stored;
  }

  /** Moves the clock on: what is due becomes visible, at the end of the log. */
  reveal(now: number): void {
    if (!this.#sorted) this.#pending.sort((a, b) => a.visibleFrom - b.visibleFrom || a.sequence - b.sequence);
    this.#sorted = true;
    const due = this.#pending.findIndex((entry) => entry.visibleFrom > now);
    const revealed = due === -1 ? this.#pending : this.#pending.slice(0, due);
    if (revealed.length === 0) return;
    for (const entry of revealed) this.visible.push(entry);
    this.#pending = this.#pending.slice(revealed.length);
  }

  /** Visible ones first, then those still to come, each in the order of becoming visible. */
  all(): readonly StoredEvent[] {
    this.#pending.sort((a, b) => a.visibleFrom - b.visibleFrom || a.sequence - b.sequence);
    return [...this.visible, ...this.#pending];
  }
}
