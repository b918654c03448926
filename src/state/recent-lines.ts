import type { Position } from './chain.ts';

interface RecentLine extends Position {
  /** The newest second of each source's ids in it. */
  readonly newest: ReadonlyMap<string, number>;
}

/** The journal's last lines, back to the oldest that has an id that may come again. */
export class RecentLines {
  #lines: RecentLine[] = [];

  add(line: RecentLine): void {
    this.#lines.push(line);
  }

  /**
   * The first line that is still needed, at least the last one. Undefined when there is none. `startOf` is the second
   * of a source before which nothing comes again.
   */
  oldestNeeded(startOf: (source: string) => number): Position | undefined {
    const isNeeded = ({ newest }: RecentLine) => [...newest].some(([source, second]) => second >= startOf(source));
    const first = this.#lines.findIndex(isNeeded);
    this.#lines = this.#lines.slice(first);
    return this.#lines[0];
  }
}
