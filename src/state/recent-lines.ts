import type { Position } from './chain.ts';
import { startOf, type SourceState } from './state.ts';

interface RecentLine extends Position {
  readonly bytes: number;
  /** The newest second of each source's ids in it. */
  readonly newest: ReadonlyMap<string, number>;
}

/** The second of a source before which nothing comes again. */
type StartOf = (source: string) => number;

/** The size of an id in the snapshot. A byte there, written twice a run, costs as much as SNAPSHOT_COST bytes here. */
const ID_BYTES = 48;
const SNAPSHOT_COST = 8;
/** Fewer bytes are read in a few milliseconds. */
const LEAST_SAVED_BYTES = 1024 * 1024;

/**
 * The journal's last lines, back to the oldest that start-up has to read because of an id that may come again. A source
 * that fails for weeks would hold it there: the ids of such sources are in the snapshot as well.
 */
export class RecentLines {
  #lines: RecentLine[] = [];
  /** The sources with ids that only the snapshot has, and the newest second of these. */
  readonly #kept: Map<string, number>;

  /** `kept`: the newest second of each source's ids in the snapshot. */
  constructor(kept: Iterable<readonly [source: string, second: number]> = []) {
    this.#kept = new Map(kept);
  }

  add(line: RecentLine): void {
    this.#lines.push(line);
  }

  /** The snapshot must have the source's ids up to this second. */
  keptUntil(source: string): number {
    return this.#kept.get(source) ?? -Infinity;
  }

  /** Decides where start-up begins to read: at the last line at most. Undefined when there is none. */
  oldestNeeded(sources: Readonly<Record<string, SourceState>>): Position | undefined {
    const starts = new Map(Object.entries(sources).map(([name, source]) => [name, startOf(source)]));
    const start: StartOf = (source) => starts.get(source) ?? Infinity;
    for (const [source, second] of this.#kept) if (second < start(source)) this.#kept.delete(source);
    const isNeeded = ({ newest }: RecentLine) =>
      [...newest].some(([source, second]) => !this.#kept.has(source) && second >= start(source));
    const first = this.#lines.findIndex(isNeeded);
    this.#drop(first < 0 ? this.#lines.length - 1 : first, start);
    this.#drop(this.#bestCut(sources, start), start);
    const [oldest] = this.#lines;
    return oldest === undefined ? undefined : { file: oldest.file, offset: oldest.offset };
  }

  /** How many lines it pays to drop, at the price of the ids in the snapshot. */
  #bestCut(sources: Readonly<Record<string, SourceState>>, start: StartOf): number {
    const moved = new Set<string>();
    let best = LEAST_SAVED_BYTES;
    let cut = 0;
    let saved = 0;
    for (const [at, { bytes, newest }] of this.#lines.entries()) {
      if (saved > best) [best, cut] = [saved, at];
      for (const [source, second] of newest) {
        if (second < start(source) || moved.has(source) || this.#kept.has(source)) continue;
        moved.add(source);
        saved -= (sources[source]?.seen.size ?? 0) * ID_BYTES * SNAPSHOT_COST;
      }
      saved += bytes;
    }
    return cut;
  }

  #drop(count: number, start: StartOf): void {
    for (const { newest } of this.#lines.splice(0, count)) {
      for (const [source, second] of newest) {
        if (second >= start(source)) this.#kept.set(source, Math.max(second, this.#kept.get(source) ?? 0));
      }
    }
  }
}
