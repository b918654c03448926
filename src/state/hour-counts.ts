const HOUR_S = 3_600;

/** How many events of each hour are in the journal. Sweeps compare these counts with the API's. */
export class HourCounts {
  readonly #counts: Map<number, number>;

  /** `counts`: by the hour's first second (epoch). */
  constructor(counts: Iterable<readonly [from: number, count: number]> = []) {
    this.#counts = new Map(counts);
  }

  /** Counts an event of this second (epoch). */
  add(second: number): void {
    const from = hourOf(second);
    this.#counts.set(from, (this.#counts.get(from) ?? 0) + 1);
  }

  /** The number of events from one full hour up to another (epoch seconds). */
  between(from: number, to: number): number {
    let sum = 0;
    for (let hour = from; hour < to; hour += HOUR_S) sum += this.#counts.get(hour) ?? 0;
    return sum;
  }

  /** Drops the hours before this second. */
  forgetBefore(second: number): void {
    for (const from of this.#counts.keys()) if (from + HOUR_S <= second) this.#counts.delete(from);
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}

/** The first second of this second's hour. */
export function hourOf(second: number): number {
  return Math.floor(second / HOUR_S) * HOUR_S;
}
