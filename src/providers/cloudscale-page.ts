import { PageError } from '../lib/errors.ts';
import { EventReader, type EventSlice } from '../events/event.ts';
import type { JsonReader } from '../events/json-reader.ts';
import { readPage } from '../events/read-page.ts';

/** A page of a project's log as the API answers it. */
interface CloudscalePage {
  readonly entries: readonly EventSlice[];
  /** What the list has besides entries; always empty unless asked for. */
  readonly rejected: readonly EventSlice[];
  /** The next page; null when this one is the last for now. */
  readonly next: string | null;
  /** Where to continue once this page is delivered. */
  readonly pollMore: string;
}

/** Entries have no id. */
export const CLOUDSCALE_ENTRY = { id: undefined, time: ['timestamp'] } as const;

/**
 * Cuts the entries out of an answer of `GET /project-logs`. Throws PageError when it has another form, or when one of
 * the entries is something else, or not JSON, and `rejects` is not set.
 */
export function scanCloudscalePage(json: Buffer, rejects = false): CloudscalePage {
  return readPage(json, (reader) => {
    if (reader.type() !== 'object') reader.refuse('it is not an object');
    const rejected: EventSlice[] = [];
    let entries: readonly EventSlice[] | undefined;
    let next: string | null = null;
    let pollMore: string | null = null;
    for (let more = reader.enterObject(); more; more = reader.nextMember()) {
      const key = reader.key();
      if (key === 'results' && reader.type() === 'array') {
        const wanted = rejects ? { slices: rejected, takesRest: true } : undefined;
        entries = new EventReader(CLOUDSCALE_ENTRY).readList(reader, wanted);
      } else if (key === 'next') next = readUrl(reader, key);
      else if (key === 'poll_more') pollMore = readUrl(reader, key);
      else reader.skipValue();
    }
    if (entries === undefined) throw new PageError('it has no list of entries (results)');
    if (pollMore === null) throw new PageError('it does not say where to continue (poll_more)');
    return { entries, rejected, next, pollMore };
  });
}

function readUrl(reader: JsonReader, name: string): string | null {
  const isString = reader.type() === 'string';
  const text = isString ? reader.string() : reader.text();
  if (!isString && text === 'null') return null;
  if (!isString || text === undefined || !URL.canParse(text)) throw new PageError(`its ${name} is not a URL`);
  return text;
}
