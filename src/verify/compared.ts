import type { Source } from '../providers/provider.ts';
import type { Span } from '../session/differing-spans.ts';
import type { HourCounts } from '../state/hour-counts.ts';
import { forEachLine } from '../state/journalled-ids.ts';
import { counted } from '../lib/words.ts';
import type { IdParts, Side } from './id-parts.ts';

/** A source, the span of it that is compared, and what of that is read from the API. */
export interface Compared extends Span {
  readonly source: Source;
  readonly hours: HourCounts;
  spans: readonly Span[];
}

/** Called often; `render` gives what is done at the moment, for people. */
export type OnStep = (render: () => string) => void;

/** Adds all ids of these sources that the journal has. */
export async function addJournal(
  folder: string,
  compared: readonly Compared[],
  parts: IdParts,
  onStep: OnStep,
): Promise<void> {
  let events = 0;
  const indexes = new Map(compared.map(({ source }, index) => [source.name, index]));
  await forEachLine(folder, (line) => {
    onStep(() => `ids of the journal: ${counted(events, 'event')}`);
    for (const [name, { forEachId }] of line.sources) {
      const index = indexes.get(name);
      const one = compared[index ?? -1];
      if (index === undefined || one === undefined) continue;
      forEachId(
        (id, second, kind) => {
          const side = kind.replace('_unnamed', '') as Side;
          parts.add({ id, second, side, source: index, isNamed: !kind.endsWith('_unnamed') });
          events++;
        },
        (second) => second >= one.from && second < one.to,
      );
    }
  });
}
