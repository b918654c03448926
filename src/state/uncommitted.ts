import { append, emptyBatch, isKnownById, type Batch, type Entry, type EntryKind } from './batch.ts';
import { toRecord } from './batch-record.ts';
import { IdGroups } from './id-groups.ts';
import type { SourceRecord } from './journal-line.ts';
import { stateOf, type SourceState, type State } from './state.ts';

/** A line of a backlog has about a megabyte of ids, of few sources. */
const MAX_SPARE = 4;

/** What was delivered of a source: the ids apart from the rest. */
class Waiting {
  readonly rest = emptyBatch();
  readonly ids = new Map<EntryKind, IdGroups>();
  /** The newest second of the events that may come again; undefined when none may. */
  newest: number | undefined;

  /** Takes memory for ids from `spare`, if there is any. */
  add(batch: Batch, spare: IdGroups[]): void {
    append(this.rest, { ...batch, entries: [] });
    for (const entry of batch.entries) this.#addId(entry, spare);
  }

  #addId({ key, keepUntil, kind }: Entry, spare: IdGroups[]): void {
    let groups = this.ids.get(kind);
    if (groups === undefined) this.ids.set(kind, (groups = spare.pop() ?? new IdGroups()));
    groups.add(key, keepUntil);
    if (isKnownById(kind)) this.newest = Math.max(keepUntil, this.newest ?? 0);
  }
}

/** What was delivered, registered or forgotten and is not in the journal yet. */
export class Uncommitted {
  readonly #batches = new Map<string, Waiting>();
  readonly #registered = new Map<string, SourceState>();
  readonly #forgotten = new Set<string>();
  /** The cursors of sources as this run last wrote them to the journal. */
  readonly #journaled = new Map<string, string>();
  /** To be used again: new memory for each line has V8 collect all garbage four times more in 400,000 events. */
  readonly #spare: IdGroups[] = [];
  #ids = 0;

  /** How many ids are waiting. */
  get ids(): number {
    return this.#ids;
  }

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
    if (waiting === undefined) this.#batches.set(source, (waiting = new Waiting()));
    waiting.add(batch, this.#spare);
    this.#ids += batch.entries.length;
  }

  /**
   * Takes all of it out as one line, with the newest second of each source's ids in it. Undefined when there is nothing
   * to say.
   */
  take(state: State) {
    const sources: Record<string, SourceRecord> = {};
    const newest = new Map<string, number>();
    for (const name of this.#forgotten) sources[name] = { forgotten: true };
    for (const [name, { cursor, start }] of this.#registered) sources[name] = { ...sources[name], cursor, start };
    for (const [name, { rest, ids, newest: second }] of this.#batches) {
      const { cursor } = stateOf(name, state);
      const before = this.#journaled.get(name);
      // The cursors of sources without events are in the snapshot: an idle poll appends nothing.
      const isIdle = ids.size === 0 && rest.partial.length === 0 && rest.gap === null;
      if (isIdle && (before === undefined || before === cursor)) continue;
      sources[name] = { ...sources[name], ...toRecord(rest), ids };
      this.#journaled.set(name, cursor);
      if (second !== undefined) newest.set(name, second);
    }
    this.#batches.clear();
    this.#ids = 0;
    this.#registered.clear();
    this.#forgotten.clear();
    return Object.keys(sources).length > 0 ? { sources, newest } : undefined;
  }

  /** The line of these sources was written: the memory of its ids is free. */
  written(sources: Readonly<Record<string, SourceRecord>>): void {
    for (const { ids } of Object.values(sources)) {
      for (const groups of ids?.values() ?? []) {
        groups.clear();
        if (this.#spare.length < MAX_SPARE) this.#spare.push(groups);
      }
    }
  }
}
