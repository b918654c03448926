export const HOUR_S = 3_600;

/** How many events of each hour are in the journal. Sweeps compare these counts with the API's. */
export class HourCounts {
  /** Hours since the epoch, ascending, and the number of events of each. */
  #hours: number[] = [];
  #counts: number[] = [];

  /** The reverse of toJSON. */
  constructor(pairs: readonly number[] = []) {
    let hour = 0;
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      hour += pairs[at] ?? 0;
      this.#hours.push(hour);
      this.#counts.push(pairs[at + 1] ?? 0);
    }
  }

  /** Counts events of this second (epoch). */
  add(second: number, events = 1): void {
    const hour = Math.floor(second / HOUR_S);
    let at = this.#hours.length;
    while (at > 0 && (this.#hours[at - 1] ?? 0) > hour) at--;
    if (this.#hours[at - 1] === hour) {
      this.#counts[at - 1] = (this.#counts[at - 1] ?? 0) + events;
      return;
    }
    this.#hours.splice(at, 0, hour);
    this.#counts.splice(at, 0, events);
  }

  /** The number of events from one full hour up to another (epoch seconds). */
  between(from: number, to: number): number {
    let sum = 0;
    for (const [at, hour] of this.#hours.entries()) {
      if (hour * HOUR_S >= from && hour * HOUR_S < to) sum += this.#counts[at] ?? 0;
    }
    return sum;
  }

  /** Drops the hours before this second. */
  forgetBefore(second: number): void {
    const kept = this.#hours.findIndex((hour) => (hour + 1) * HOUR_S > second);
    if (kept === 0) return;
    this.#hours.splice(0, kept < 0 ? Infinity : kept);
    this.#counts.splice(0, kept < 0 ? Infinity : kept);
  }

  /** For each hour with events, how many hours it is after the one before (at first: the epoch), and its number. */
  toJSON(): number[] {
    const pairs: number[] = [];
    for (const [at, hour] of this.#hours.entries())
      pairs.push(hour - (this.#hours[at - 1] ?? 0), this.#counts[at] ?? 0);
    return pairs;
  }
}

/** The first second of this second's hour. */
export function hourOf(second: number): number {
  return Math.floor(second / HOUR_S) * HOUR_S;
}
