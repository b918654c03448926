import { counted } from '../lib/words.ts';
import { ApiError, PageError, messageOf } from '../lib/errors.ts';
import { formatSecond } from '../lib/duration.ts';
import { differingSpans, type Span } from '../session/differing-spans.ts';
import type { Session } from '../session/session.ts';
import { HourCounts } from '../state/hour-counts.ts';
import { startOf, type State } from '../state/state.ts';
import { readSpan, typesOf } from './against-api.ts';
import { againstCopy, type ReadCopy } from './against-copy.ts';
import { readChain } from './chain.ts';
import { forEachDifference, type Tally } from './compare-ids.ts';
import { addJournal, type Compared, type OnStep } from './compared.ts';
import { IdParts } from './id-parts.ts';
import type { Finding, VerifyReport } from './report.ts';

/** The types of at most this many events are looked up. */
const MOST_NAMED = 100;

/** The parts of a session that ask the API. */
export type Asking = Pick<Session, 'config' | 'provider' | 'run'>;

interface CompareOptions {
  readonly range: Span;
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
  { range, isFull, readCopy, onStep }: CompareOptions,
): Promise<VerifyReport> {
  const errors: string[] = [];
  // The chain can be checked without the API.
  const sources = await session.provider.sources(session.run.signal).catch((error: unknown) => {
    errors.push(failureOf('the list of sources', error));
    return [];
  });
  const all: Compared[] = sources.map((source) => ({
    source,
    hours: new HourCounts(),
    spans: [],
    from: range.from,
    to: range.to,
  }));
  const named = new Map(all.map((one) => [one.source.name, one]));
  let events = 0;
  const chain = await readChain(folder, state.journal, (line) => {
    onStep(() => `journal: ${counted(events, 'event')}`);
    for (const [name, { forEachId }] of line.sources) {
      const one = named.get(name);
      const known = state.sources[name];
      if (one === undefined || known === undefined) continue;
      forEachId(
        (_id, second) => {
          one.hours.add(second);
          events++;
        },
        (second, kind) =>
          kind !== 'redelivered' &&
          second >= Math.max(range.from, known.journal_from) &&
          second < Math.min(range.to, startOf(known)),
      );
    }
  });
  const compared: Compared[] = [];
  let begins = Infinity;
  for (const one of all) {
    const known = state.sources[one.source.name];
    if (known === undefined) continue;
    // Events may still appear inside the overlap, and events before the journal were not recorded.
    const start = Math.max(known.journal_from, chain.completeFrom);
    begins = Math.min(begins, start);
    const span = {
      from: Math.max(range.from, start),
      to: Math.min(range.to, startOf(known)),
    };
    if (span.from >= span.to) continue;
    try {
      const spans = isFull ? [span] : await differingSpans(session, one.source, span, one.hours);
      compared.push({ ...one, ...span, spans });
    } catch (error) {
      errors.push(failureOf(one.source.name, error));
    }
  }
  const findings = await againstApi(session, folder, compared, errors, onStep);
  const copy =
    readCopy === undefined || sources.length === 0 ? undefined : await againstCopy(folder, compared, readCopy, onStep);
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
    findings: [...findings, ...(copy?.findings ?? [])].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)),
    errors,
  };
}

/** The message for an error of the API. Throws any other error. */
function failureOf(what: string, error: unknown): string {
  if (!(error instanceof ApiError) && !(error instanceof PageError)) throw error;
  return `${what}: ${messageOf(error)}`;
}

async function againstApi(
  session: Asking,
  folder: string,
  compared: readonly Compared[],
  errors: string[],
  onStep: OnStep,
): Promise<Finding[]> {
  const differing = compared.filter(({ spans }) => spans.length > 0);
  if (differing.length === 0) return [];
  const parts = new IdParts();
  try {
    await addJournal(folder, differing, parts, onStep);
    let read = 0;
    for (const [index, one] of differing.entries()) {
      const { source, spans } = one;
      one.spans = [];
      try {
        for (const span of spans) {
          await readSpan(session, source, span, index, parts, (events) => {
            read += events;
            onStep(() => `API: source ${index + 1} of ${differing.length}, ${counted(read, 'event')}`);
          });
          one.spans = [...one.spans, span];
        }
      } catch (error) {
        errors.push(failureOf(source.name, error));
      }
    }
    const found: (Finding & { tally: Tally })[] = [];
    forEachDifference(
      parts,
      true,
      (tally) => kindOf(tally, differing) === undefined,
      (tally) => {
        const kind = kindOf(tally, differing);
        const source = differing[tally.source]?.source.name;
        if (kind === undefined || source === undefined) return;
        found.push({ kind, source, id: tally.id.uuid, time: formatSecond(tally.second), tally });
      },
    );
    for (const { source } of differing) {
      const own = found.filter((one) => one.source === source.name && one.kind !== 'gone').slice(0, MOST_NAMED);
      const types = await typesOf(
        session,
        source,
        own.map(({ tally }) => tally),
      );
      for (const one of own) {
        const type = types.get(one.tally.id.toString());
        if (type !== undefined) one.type = type;
      }
    }
    return found.map(({ tally: _tally, ...finding }) => finding);
  } finally {
    parts.close();
  }
}

function kindOf(
  { counts, isNamed, second, source }: Tally,
  compared: readonly Compared[],
): Finding['kind'] | undefined {
  const journalled = counts.delivered + counts.excluded + counts.set_aside;
  if (counts.api > journalled && (!isNamed || journalled === 0)) return 'missing';
  if (isNamed ? journalled > 1 : journalled > counts.api && counts.api > 0) return 'twice';
  const wasRead = compared[source]?.spans.some(({ from, to }) => second >= from && second < to) === true;
  return journalled > 0 && counts.api === 0 && wasRead ? 'gone' : undefined;
}
