import { FieldScanner, stringAt } from '../events/field-scanner.ts';
import { JsonReader } from '../events/json-reader.ts';
import { formatSecond, type TimeSpan } from '../lib/duration.ts';
import { ApiError, PageError, messageOf } from '../lib/errors.ts';
import { counted } from '../lib/words.ts';
import type { Source } from '../providers/provider.ts';
import { keyOf, secondOf } from '../state/source-progress.ts';
import { findingsIn, journalled, talliesOf, type Tally } from './compare-ids.ts';
import type { Asking, Compared, OnStep } from './compared.ts';
import type { IdParts } from './id-parts.ts';
import type { Finding } from './report.ts';

/** The types of at most this many events are looked up. */
const MOST_NAMED = 100;

/** Adds all events that the API has in a span. */
async function readSpan(
  { provider, run }: Asking,
  source: Source,
  { from, to }: TimeSpan,
  index: number,
  parts: IdParts,
  onPage: (events: number) => void,
): Promise<void> {
  const checkpoint = { cursor: formatSecond(from), start: from, end: to, isolatesBadEvents: true };
  for await (const page of provider.pages(source, checkpoint, run.signal)) {
    for (const event of [...page.events, ...(page.rejected ?? [])]) {
      const isNamed = event.id !== undefined;
      parts.add({ id: keyOf(event), second: secondOf(event, page), side: 'api', source: index, isNamed });
    }
    onPage(page.events.length);
  }
}

/** The types of these events and others, by the text of their ids: the seconds of these are read again. */
async function typesOf(
  { config, provider, run }: Asking,
  source: Source,
  wanted: readonly Tally[],
): Promise<ReadonlyMap<string, string>> {
  const types = new Map<string, string>();
  const scanner = new FieldScanner({ type: config.provider.fields.event_type });
  for (const second of new Set(wanted.map((tally) => tally.second))) {
    const checkpoint = { cursor: formatSecond(second), start: second, end: second + 1, isolatesBadEvents: true };
    for await (const page of provider.pages(source, checkpoint, run.signal)) {
      for (const event of page.events) {
        scanner.scan(new JsonReader(event.json, event.start));
        const field = scanner.field('type');
        const type = field === undefined ? undefined : stringAt(event.json, field);
        if (type !== undefined) types.set(keyOf(event).toString(), type);
      }
    }
  }
  return types;
}

/** The message for an error of the API. Throws any other error. */
export function failureOf(what: string, error: unknown): string {
  if (!(error instanceof ApiError) && !(error instanceof PageError)) throw error;
  return `${what}: ${messageOf(error)}`;
}

/** Reads what differs from the API. False when nothing does. */
export async function readDiffering(
  session: Asking,
  all: readonly Compared[],
  parts: IdParts,
  errors: string[],
  onStep: OnStep,
): Promise<boolean> {
  const differing = all.filter(({ spans }) => spans.length > 0).length;
  let [done, read] = [0, 0];
  for (const [index, one] of all.entries()) {
    const { source, spans } = one;
    if (spans.length === 0) continue;
    done++;
    one.spans = [];
    try {
      for (const span of spans) {
        await readSpan(session, source, span, index, parts, (events) => {
          read += events;
          onStep(() => `API: source ${done} of ${differing}, ${counted(read, 'event')}`);
        });
        one.spans = [...one.spans, span];
      }
    } catch (error) {
      errors.push(failureOf(source.name, error));
    }
  }
  return differing > 0;
}

/** What is missing, twice or gone, with the types of the first of them. */
export async function findingsOf(
  session: Asking,
  all: readonly Compared[],
  parts: IdParts,
  errors: string[],
): Promise<Finding[]> {
  const found = [...findingsIn(talliesOf(parts, true), all, kindOf)];
  for (const { source } of all) {
    const own = found.filter(({ finding: { source: name, kind } }) => name === source.name && kind !== 'gone');
    const named = own.slice(0, MOST_NAMED);
    if (named.length === 0) continue;
    try {
      const types = await typesOf(session, source, named.map(({ tally }) => tally)); // prettier-ignore
      for (const { finding, tally } of named) {
        const type = types.get(tally.id.toString());
        if (type !== undefined) finding.type = type;
      }
    } catch (error) {
      errors.push(failureOf(source.name, error));
    }
  }
  return found.map(({ finding }) => finding);
}

function kindOf({ counts, isNamed, second }: Tally, { spans }: Compared): Finding['kind'] | undefined {
  const times = journalled(counts);
  if (counts.api > times && (!isNamed || times === 0)) return 'missing';
  if (isNamed ? times > 1 : times > counts.api && counts.api > 0) return 'twice';
  const wasRead = spans.some(({ from, to }) => second >= from && second < to);
  return times > 0 && counts.api === 0 && wasRead ? 'gone' : undefined;
}
