import { counted } from '../lib/words.ts';
import { formatSecond, parseInstant, type TimeSpan } from '../lib/duration.ts';
import { differingSpans } from '../session/differing-spans.ts';
import { KINDS } from '../state/batch.ts';
import { HourCounts } from '../state/hour-counts.ts';
import type { JournalLine } from '../state/journal-line.ts';
import { startOf, type SourceState, type State } from '../state/state.ts';
import { failureOf, findingsOf, readDiffering } from './against-api.ts';
import { againstCopy, type ReadCopy } from './against-copy.ts';
import { readChain } from './chain.ts';
import { journalled, talliesOf } from './compare-ids.ts';
import type { Asking, Compared, OnStep } from './compared.ts';
import { IdParts } from './id-parts.ts';
import type { VerifyReport } from './report.ts';

interface CompareOptions {
  readonly range: TimeSpan;
  /** How late an event may appear, in seconds. */
  readonly overlapS: number;
  /** Compare every id, whatever the counts say. */
  readonly isFull: boolean;
  /** Reads the copy of what arrived, if there is one. */
  readonly readCopy: ReadCopy | undefined;
  readonly onStep: OnStep;
}

/** Compares the chain, the API and the copy with the journal. */
export async function compare(
  session: Asking,
  state: State,
  folder: string,
  { range, overlapS, isFull, readCopy, onStep }: CompareOptions,
): Promise<VerifyReport> {
  const errors: string[] = [];
  // The chain can be checked without the API.
  const sources = await session.provider.sources(session.run.signal).catch((error: unknown) => {
    errors.push(failureOf('the list of sources', error));
    return [];
  });
  const all: Compared[] = sources.map((source) => ({ source, hours: new HourCounts(), spans: [], from: 0, to: 0 }));
  const parts = new IdParts();
  try {
    const chain = await readChain(folder, state.journal, journalReader(state, { range, overlapS, onStep }, all, parts));
    let hasTwice = false;
    for (const { source, second, counts, isNamed } of talliesOf(parts, true)) {
      if (!isNamed || journalled(counts) <= 1) continue;
      hasTwice = true;
      all[source]?.hours.add(second, 1 - journalled(counts));
    }
    let begins = Infinity;
    for (const one of all) {
      const known = state.sources[one.source.name];
      if (known === undefined) continue;
      // Events may still appear inside the overlap, and events before the journal were not recorded.
      const start = Math.max(known.journal_from, chain.complete_from);
      begins = Math.min(begins, start);
      const span = { from: Math.max(range.from, start), to: Math.min(range.to, completeUntil(known, overlapS)) };
      if (span.from >= span.to) continue;
      try {
        one.spans = isFull ? [span] : await differingSpans(session, one.source, span, one.hours);
        Object.assign(one, span);
      } catch (error) {
        errors.push(failureOf(one.source.name, error));
      }
    }
    const compared = all.filter(({ from, to }) => from < to);
    const isRead = await readDiffering(session, all, parts, errors, onStep);
    const findings = isRead || hasTwice ? await findingsOf(session, all, parts, errors) : [];
    const copy =
      readCopy === undefined || sources.length === 0 ? undefined : await againstCopy(all, parts, readCopy, onStep);
    return {
      range: { from: formatSecond(range.from), to: formatSecond(range.to) },
      begins: begins === Infinity ? null : formatSecond(begins),
      chain,
      compared: compared.map(({ source, from, to, hours, spans }) => ({
        source: source.name,
        from: formatSecond(from),
        to: formatSecond(to),
        events: hours.between(0, Infinity),
        read: spans.map((span) => ({ from: formatSecond(span.from), to: formatSecond(span.to) })),
      })),
      copy: copy?.report,
      findings: [...findings, ...(copy?.findings ?? [])].sort((a, b) =>
        a.time < b.time ? -1 : a.time > b.time ? 1 : 0,
      ),
      errors,
    };
  } finally {
    parts.close();
  }
}

/** Counts the events of each hour in a line of the journal, and adds their ids. */
function journalReader(
  state: State,
  { range, overlapS, onStep }: Pick<CompareOptions, 'range' | 'overlapS' | 'onStep'>,
  all: readonly Compared[],
  parts: IdParts,
): (line: JournalLine) => void {
  let events = 0;
  const indexes = new Map(all.map(({ source }, index) => [source.name, index]));
  return (line) => {
    onStep(() => `journal: ${counted(events, 'event')}`);
    for (const [name, { forEachId }] of line.sources) {
      const known = state.sources[name];
      const index = indexes.get(name);
      if (known === undefined || index === undefined) continue;
      const [from, to] = [Math.max(range.from, known.journal_from), Math.min(range.to, completeUntil(known, overlapS))];
      forEachId(
        (id, second, kind) => {
          const { outcome, isNamed } = KINDS[kind];
          parts.add({ id, second, side: outcome, source: index, isNamed });
          if (kind === 'redelivered') return;
          all[index]?.hours.add(second);
          events++;
        },
        (second) => second >= from && second < to,
      );
    }
  };
}

/** Up to which second (epoch) all events of a source were delivered: later ones may still appear. */
function completeUntil(source: SourceState, overlapS: number): number {
  if (parseInstant(source.cursor) !== undefined) return startOf(source);
  // A cursor that is a URL says nothing, and its start stays where it was.
  return Math.floor((parseInstant(source.last_success ?? '') ?? 0) / 1000) - overlapS;
}
