import { append, emptyBatch, isKnownById, type Batch } from './batch.ts';
import { toRecord } from './batch-record.ts';
import type { SourceRecord } from './journal-line.ts';
import { stateOf, type SourceState, type State } from './state.ts';

/** What the journal's next line says, and the newest second of each source's ids in it. */
export interface NextLine {
  readonly sources: Readonly<Record<string, SourceRecord>>;
  readonly newest: ReadonlyMap<string, number>;
}

/** What was delivered, registered or forgotten and is not in the journal yet. */
export class Uncommitted {
  readonly #batches = new Map<string, Batch>();
  readonly #registered = new Map<string, SourceState>();
  readonly #forgotten = new Set<string>();
  /** The cursors of sources as this run last wrote them to the journal. */
  readonly #journaled = new Map<string, string>();

  get isEmpty(): boolean {
    return this.#batches.size + this.#registered.size + this.#forgotten.size === 0;
  }

  register(name: string, source: SourceState): void {
    this.#registered.set(name, source);
  }

  forget(name: string): void {
    this.#batches.delete(name);
    this.#registered.delete(name);
    this.#forgotten.add(name);
  }

  add(source: string, batch: Batch): void {
    let waiting = this.#batches.get(source);
    if (waiting === undefined) this.#batches.set(source, (waiting = emptyBatch()));
    append(waiting, batch);
  }

  /** Takes all of it out as one line; undefined when there is nothing to say. */
  take(state: State): NextLine | undefined {
    const sources: Record<string, SourceRecord> = {};
    const newest = new Map<string, number>();
    for (const name of this.#forgotten) sources[name] = { forgotten: true };
    for (const [name, { cursor, start }] of this.#registered) sources[name] = { ...sources[name], cursor, start };
    for (const [name, batch] of this.#batches) {
      const { cursor } = stateOf(name, state);
      const before = this.#journaled.get(name);
      // The cursors of sources without events are in the snapshot: an idle poll appends nothing.
      const isIdle = batch.entries.length === 0 && batch.gap === null;
      if (isIdle && (before === undefined || before === cursor)) continue;
      sources[name] = { ...sources[name], ...toRecord(batch) };
      this.#journaled.set(name, cursor);
      const second = newestOf(batch);
      if (second !== undefined) newest.set(name, second);
    }
    this.#batches.clear();
    this.#registered.clear();
    this.#forgotten.clear();
    return Object.keys(sources).length > 0 ? { sources, newest } : undefined;
  }
}

/** The newest second of its events that may come again; undefined when none may. */
export function newestOf({ entries }: Batch): number | undefined {
  let newest: number | undefined;
  for (const { keepUntil, kind } of entries) {
    if (isKnownById(kind)) newest = Math.max(keepUntil, newest ?? 0);
  }
  return newest;
}
