import { EventId } from '../events/event-id.ts';
import { count, countOrNull, list, object, texts, textOrNull, unexpected } from '../lib/narrow.ts';
import { ENTRY_KINDS, emptyBatch, type Batch, type Entry, type EntryKind, type Lateness } from './batch.ts';

/** Ids by second: far fewer keys than ids. */
export type Groups = Record<string, EventId[]>;

/** A batch as it is written to the journal and the state file; what is empty is left out. */
export type BatchRecord = Partial<Record<EntryKind, Partial<Groups>>> & {
  readonly cursor?: string;
  readonly partial?: readonly string[];
  readonly last_event?: number;
  readonly forget_before?: number;
  readonly late?: Batch['late'];
  readonly oversize?: number;
  readonly rejected?: number;
  readonly found_missing?: number;
  readonly gap?: string;
};

export function toRecord(batch: Batch): BatchRecord {
  const { cursor, partial, last_event, forget_before, late, oversize, rejected, found_missing, gap } = batch;
  const groups: Partial<Record<EntryKind, Partial<Groups>>> = {};
  for (const { key, keepUntil, kind } of batch.entries) {
    const ofKind = (groups[kind] ??= {});
    (ofKind[keepUntil] ??= []).push(key);
  }
  return {
    ...(cursor === null ? {} : { cursor }),
    ...groups,
    ...(partial.length > 0 ? { partial } : {}),
    ...(last_event === null ? {} : { last_event }),
    ...(forget_before === null ? {} : { forget_before }),
    ...(late.count > 0 ? { late } : {}),
    ...(oversize > 0 ? { oversize } : {}),
    ...(rejected > 0 ? { rejected } : {}),
    ...(found_missing > 0 ? { found_missing } : {}),
    ...(gap === null ? {} : { gap }),
  };
}

/** The reverse of toRecord. Throws ShapeError. */
export function parseBatch(value: unknown, path: string): Batch {
  const record = object(value, path);
  return {
    ...parseRest(record, path),
    entries: 'keys' in record ? parallelEntries(record, path) : entriesOf(record, path),
  };
}

/** All of a batch but its entries. Throws ShapeError. */
export function parseRest(record: Record<string, unknown>, path: string): Batch {
  return {
    ...emptyBatch(),
    partial: texts(record['partial'] ?? [], `${path}.partial`),
    cursor: textOrNull(record['cursor'], `${path}.cursor`),
    last_event: countOrNull(record['last_event'], `${path}.last_event`),
    forget_before: countOrNull(record['forget_before'], `${path}.forget_before`),
    late: parseLateness(record['late'], `${path}.late`),
    oversize: count(record['oversize'] ?? 0, `${path}.oversize`),
    rejected: count(record['rejected'] ?? 0, `${path}.rejected`),
    found_missing: count(record['found_missing'] ?? 0, `${path}.found_missing`),
    gap: textOrNull(record['gap'], `${path}.gap`),
  };
}

/** Of no event when there is none. Throws ShapeError. */
export function parseLateness(value: unknown, path: string): Lateness {
  const late = object(value ?? {}, path);
  return {
    count: count(late['count'] ?? 0, `${path}.count`),
    max_seconds: count(late['max_seconds'] ?? 0, `${path}.max_seconds`),
  };
}

function entriesOf(record: Record<string, unknown>, path: string): Entry[] {
  const entries: Entry[] = [];
  for (const kind of ENTRY_KINDS) {
    for (const [key, ids] of Object.entries(object(record[kind] ?? {}, `${path}.${kind}`))) {
      const keepUntil = epochSecond(key, `${path}.${kind}`);
      for (const id of EventId.ofEach(texts(ids, `${path}.${kind}["${key}"]`)))
        entries.push({ key: id, keepUntil, kind });
    }
  }
  return entries;
}

/** The form of version 1 of the state file. */
function parallelEntries(record: Record<string, unknown>, path: string): Entry[] {
  const times = list(record['times'], `${path}.times`);
  return EventId.ofEach(texts(record['keys'], `${path}.keys`)).map((key, index) => {
    const time = times[index] ?? null;
    if (time === null) return { key, keepUntil: 0, kind: 'delivered_unnamed' };
    return { key, keepUntil: count(time, `${path}.times[${index}]`), kind: 'delivered' };
  });
}

/** The number that a key is. Throws ShapeError when it is not one. */
export function epochSecond(key: string, path: string): number {
  const second = Number(key);
  if (!Number.isFinite(second)) throw unexpected(`${path}: its key`, 'epoch seconds', key);
  return second;
}
