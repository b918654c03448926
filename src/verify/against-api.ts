import { FieldScanner, stringAt } from '../events/field-scanner.ts';
import { JsonReader } from '../events/json-reader.ts';
import { formatSecond } from '../lib/duration.ts';
import type { Source } from '../providers/provider.ts';
import type { Span } from '../session/differing-spans.ts';
import type { Session } from '../session/session.ts';
import { keyOf, secondOf } from '../state/source-progress.ts';
import type { Tally } from './compare-ids.ts';
import type { IdParts } from './id-parts.ts';

/** Adds all events that the API has in a span. */
export async function readSpan(
  { provider, run }: Pick<Session, 'provider' | 'run'>,
  source: Source,
  { from, to }: Span,
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

/** The types of these events, by the text of their ids: their seconds are read again. */
export async function typesOf(
  { config, provider, run }: Pick<Session, 'config' | 'provider' | 'run'>,
  source: Source,
  wanted: readonly Tally[],
): Promise<ReadonlyMap<string, string>> {
  const types = new Map<string, string>();
  const ids = new Set(wanted.map(({ id }) => id.toString()));
  const scanner = new FieldScanner({ type: config.provider.fields.event_type });
  for (const second of new Set(wanted.map((tally) => tally.second))) {
    const checkpoint = { cursor: formatSecond(second), start: second, end: second + 1, isolatesBadEvents: true };
    for await (const page of provider.pages(source, checkpoint, run.signal)) {
      for (const event of page.events) {
        const id = keyOf(event).toString();
        if (!ids.has(id)) continue;
        scanner.scan(new JsonReader(event.json, event.start));
        const field = scanner.field('type');
        const type = field === undefined ? undefined : stringAt(event.json, field);
        if (type !== undefined) types.set(id, type);
      }
    }
  }
  return types;
}
