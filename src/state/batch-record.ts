import { EventId } from '../events/event-id.ts';
import { emptyBatch, type Batch, type Entry } from './batch.ts';
import { count, countOrNull, list, object, texts, textOrNull, unexpected } from '../lib/narrow.ts';

/** Identities by the second until which each is worth keeping: far fewer keys than identities. */
export type Groups = Record<string, EventId[]>;

/** A batch as the journal and the state file hold it; what is empty is left out. */
export interface BatchRecord {
  readonly cursor?: string;
  readonly delivered?: Partial<Groups>;
  /** Hashes of events that have no identity. */
  readonly unnamed?: readonly EventId[];
  readonly partial?: readonly string[];
  readonly last_event?: number;
  readonly forget_before?: number;
  readonly late?: Batch['late'];
  readonly oversize?: number;
  readonly rejected?: number;
  readonly gap?: string;
}

export function toRecord(batch: Batch): BatchRecord {
  const { cursor, partial, last_event, forget_before, late, oversize, rejected, gap } = batch;
  const delivered: Partial<Groups> = {};
  const unnamed: EventId[] = [];
  for (const { key, keepUntil } of batch.entries) {
    if (keepUntil === null) unnamed.push(key);
    else (delivered[keepUntil] ??= []).push(key);
  }
  return {
    ...(cursor === null ? {} : { cursor }),
    ...(batch.entries.length > unnamed.length ? { delivered } : {}),
    ...(unnamed.length > 0 ? { unnamed } : {}),
    ...(partial.length > 0 ? { partial } : {}),
    ...(last_event === null ? {} : { last_event }),
    ...(forget_before === null ? {} : { forget_before }),
    ...(late.count > 0 ? { late } : {}),
    ...(oversize > 0 ? { oversize } : {}),
    ...(rejected > 0 ? { rejected } : {}),
    ...(gap === null ? {} : { gap }),
  };
}

/** The reverse of toRecord. Throws ShapeError. */
export function parseBatch(value: unknown, path: string): Batch {
  const record = object(value, path);
  const late = object(record['late'] ?? {}, `${path}.late`);
  return {
    ...emptyBatch(),
    entries: 'keys' in record ? parallelEntries(record, path) : entriesOf(record, path),
    partial: texts(record['partial'] ?? [], `${path}.partial`),
    cursor: textOrNull(record['cursor'], `${path}.cursor`),
    last_event: countOrNull(record['last_event'], `${path}.last_event`),
    forget_before: countOrNull(record['forget_before'], `${path}.forget_before`),
    late: {
      count: count(late['count'] ?? 0, `${path}.late.count`),
      max_seconds: count(late['max_seconds'] ?? 0, `${path}.late.max_seconds`),
    },
    oversize: count(record['oversize'] ?? 0, `${path}.oversize`),
    rejected: count(record['rejected'] ?? 0, `${path}.rejected`),
    gap: textOrNull(record['gap'], `${path}.gap`),
  };
}

function entriesOf(record: Record<string, unknown>, path: string): Entry[] {
  const entries: Entry[] = [];
  for (const [key, ids] of Object.entries(object(record['delivered'] ?? {}, `${path}.delivered`))) {
    const keepUntil = epochSecond(key, `${path}.delivered`);
    for (const id of EventId.ofEach(texts(ids, `${path}.delivered["${key}"]`))) entries.push({ key: id, keepUntil });
  }
  for (const key of EventId.ofEach(texts(record['unnamed'] ?? [], `${path}.unnamed`))) {
    entries.push({ key, keepUntil: null });
  }
  return entries;
}

/** As version 1 of the state file has them. */
function parallelEntries(record: Record<string, unknown>, path: string): Entry[] {
  const times = list(record['times'], `${path}.times`);
  return EventId.ofEach(texts(record['keys'], `${path}.keys`)).map((key, index) => {
    const time = times[index] ?? null;
    return { key, keepUntil: time === null ? null : count(time, `${path}.times[${index}]`) };
  });
}

/** The number that a key is. Throws ShapeError when it is not one. */
export function epochSecond(key: string, path: string): number {
  const second = Number(key);
  if (!Number.isFinite(second)) throw unexpected(`a key of ${path}`, 'epoch seconds', key);
  return second;
}
