import { EventId } from '../events/event-id.ts';
import { EventIdMap } from '../events/event-id-map.ts';
import type { TimeSpan } from '../lib/duration.ts';
import { KINDS, isPrinted, type EntryKind } from './batch.ts';
import { journalFiles, linesOf } from './journal-files.ts';
import { visitLine, type JournalLine } from './journal-line.ts';

/** A time span of a source. */
export interface SourceRange extends TimeSpan {
  readonly source: string;
  /** What was printed after this commit counts as redelivered. */
  readonly since_seq?: number;
}

/** What the journal has of a range. An event without an id may be there several times, and each time counts. */
export class JournalledIds {
  readonly #named = new EventIdMap();
  readonly #redelivered = new EventIdMap();
  readonly #unnamed = new Map<string, number>();
  readonly #unnamedAgain = new Map<string, number>();

  add(id: EventId, kind: EntryKind): void {
    if (kind === 'redelivered') {
      this.#redelivered.add(id, 0);
      increment(this.#unnamedAgain, id);
    } else if (KINDS[kind].isNamed) this.#named.add(id, 0);
    else increment(this.#unnamed, id);
  }

  /** Whether an event with this id was delivered or left out. */
  has(id: EventId): boolean {
    return this.#named.has(id);
  }

  /** Whether the event was delivered or left out. One without an id is taken out. */
  takeDelivered(key: EventId, isNamed: boolean): boolean {
    return isNamed ? this.#named.has(key) : decrement(this.#unnamed, key);
  }

  /** Whether it was delivered again. One without an id is taken out. */
  takeRedelivered(key: EventId, isNamed: boolean): boolean {
    return isNamed ? this.#redelivered.has(key) : decrement(this.#unnamedAgain, key);
  }
}

function increment(counts: Map<string, number>, key: EventId): void {
  const text = key.toString();
  counts.set(text, (counts.get(text) ?? 0) + 1);
}

function decrement(counts: Map<string, number>, key: EventId): boolean {
  const text = key.toString();
  const left = counts.get(text) ?? 0;
  counts.set(text, left - 1);
  return left > 0;
}

/**
 * Reads what the journal has of a range: into `found` if given, and of these ids `only` if given. Lines that cannot be
 * read are skipped.
 */
export async function journalledIds(
  folder: string,
  { source, from, to, since_seq }: SourceRange,
  found = new JournalledIds(),
  only?: EventIdMap,
): Promise<JournalledIds> {
  await forEachLine(folder, (line) => {
    const isAfter = since_seq !== undefined && line.seq > since_seq;
    line.sources.get(source)?.forEachId(
      (id, _second, kind) => {
        if (only?.has(id) === false) return;
        found.add(id, kind);
        // A run that was interrupted has printed it for the first time, from before the journal.
        if (isAfter && kind !== 'redelivered' && isPrinted(kind)) found.add(id, 'redelivered');
      },
      (second, kind) => second >= from && second < to && (kind !== 'redelivered' || isAfter),
    );
  });
  return found;
}

/** Calls `visit` for each line of the journal. Lines that cannot be read are skipped; loadJournal and verify report them. */
export async function forEachLine(folder: string, visit: (line: JournalLine) => void): Promise<void> {
  for (const file of await journalFiles(folder)) {
    for await (const { bytes, isWhole } of linesOf(folder, file)) {
      if (isWhole) visitLine(bytes, visit);
    }
  }
}
