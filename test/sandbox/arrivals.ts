/** Things that arrive by themselves at a steady rate, computed from the clock whenever someone looks. */
export class Arrivals {
  #base: number;
  #rate = 0;
  #count = 0;

  constructor(startedAt: number) {
    this.#base = startedAt;
  }

  /** The times (ms) of all arrivals since the last look; the same for the same clock, however often one looks. */
  *due(now: number, perSecond: number): Generator<number> {
    if (perSecond !== this.#rate) {
      this.#base = this.#rate > 0 ? this.#time(this.#count) : this.#base;
      this.#rate = perSecond;
      this.#count = 0;
    }
    if (perSecond <= 0) this.#base = Math.max(this.#base, now);
    else while (this.#time(this.#count + 1) <= now) yield Math.floor(this.#time(++this.#count));
  }

  #time(nth: number): number {
    return this.#base + (nth * 1000) / this.#rate;
  }
}
