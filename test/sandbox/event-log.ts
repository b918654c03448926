/** What the sandbox holds of one contract: raw events in the order of their time. */

/** What a test hands in; `time` and `visibleFrom` in milliseconds since the epoch. */
export interface NewEvent {
  /** The event's own JSON text, sent as it is. It need not be valid. */
  raw: string | Buffer;
  time: number;
  /** From when on the API shows it; `time` by default, later for a late event. */
  visibleFrom?: number;
  /** Read from `@uuid` by default. */
  id?: string;
}

/** What a contract holds, visible or not: the truth that a collector's output is compared with. */
export class StoredEvent {
  readonly id: string;
  readonly bytes: Buffer;
  readonly time: number;
  readonly visibleFrom: number;
  /** Number of the event in its contract, in the order of being added. */
  readonly sequence: number;

  constructor(event: NewEvent, sequence: number) {
    this.bytes = typeof event.raw === 'string' ? Buffer.from(event.raw) : event.raw;
    this.time = event.time;
    this.visibleFrom = event.visibleFrom ?? event.time;
    this.id = event.id ?? uuidOf(event.raw) ?? `#${sequence}`;
    this.sequence = sequence;
  }

  get text(): string {
    return this.bytes.toString();
  }
}

function uuidOf(raw: string | Buffer): string | undefined {
  return /"@uuid"\s*:\s*"([^"\\]+)"/.exec(raw.toString())?.[1];
}

export class EventLog {
  readonly #events: StoredEvent[] = [];
  #sorted = true;
  #visibleFrom = -Infinity;

  get size(): number {
    return this.#events.length;
  }

  add(event: NewEvent): StoredEvent {
    const stored = new StoredEvent(event, this.#events.length);
    const last = this.#events.at(-1);
    if (last !== undefined && last.time > stored.time) this.#sorted = false;
    this.#events.push(stored);
    this.#visibleFrom = Math.max(this.#visibleFrom, stored.visibleFrom);
    return stored;
  }

  /** All events, oldest first. Events of the same time stay in the order of being added. */
  all(): readonly StoredEvent[] {
    if (!this.#sorted) {
      this.#events.sort((a, b) => a.time - b.time || a.sequence - b.sequence);
      this.#sorted = true;
    }
    return this.#events;
  }

  /** Events from `start` (inclusive) to `end` (exclusive) that are visible at `now`, oldest first. */
  window(start: number, end: number, now: number): readonly StoredEvent[] {
    const events = this.all();
    const from = firstAtOrAfter(events, start);
    const to = firstAtOrAfter(events, end);
    const slice = events.slice(from, Math.max(from, to));
    return this.#visibleFrom <= now ? slice : slice.filter((event) => event.visibleFrom <= now);
  }
}

function firstAtOrAfter(events: readonly StoredEvent[], time: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle]?.time ?? Infinity) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
