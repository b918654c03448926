import type { InputCounter } from '../../src/delivery/fluent-bit-counter.ts';

export type Answer = Partial<InputCounter> | Error;

/** A Fluent Bit that answers what the test tells it to, one answer after the other; the last one from then on. */
export class ToldFluentBit {
  readonly #answers: Answer[];
  readonly #startedAt: number;
  looks = 0;

  constructor(startedAt: number, ...answers: Answer[]) {
    this.#startedAt = startedAt;
    this.#answers = answers;
  }

  readonly counter = (): Promise<InputCounter> => {
    const answer = this.#answers[Math.min(this.looks++, this.#answers.length - 1)];
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve({
      records: 0,
      startedAt: this.#startedAt,
      uptime: 100,
      countedAt: undefined,
      isPaused: false,
      ...answer,
    });
  };
}
