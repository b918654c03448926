import type { EventId } from '../events/event-id.ts';
import { formatSecond } from '../lib/duration.ts';
import { counted } from '../lib/words.ts';
import type { ArrivedReport } from './arrived.ts';
import { forEachDifference, type Tally } from './compare-ids.ts';
import type { Compared, OnStep } from './compared.ts';
import type { IdParts } from './id-parts.ts';
import type { Finding } from './report.ts';

const LINES_A_STEP = 1_000;

/** Reads the copy of what arrived; its events are handed to `visit`. */
export type ReadCopy = (visit: (id: EventId) => void) => Promise<ArrivedReport>;

/** Compares the copy with the journal, whose ids are in `parts`. */
export async function againstCopy(
  all: readonly Compared[],
  parts: IdParts,
  readCopy: ReadCopy,
  onStep: OnStep,
): Promise<{ report: ArrivedReport; findings: Finding[] }> {
  let lines = 0;
  const report = await readCopy((id) => {
    parts.add({ id, second: 0, side: 'arrived', source: 0, isNamed: true });
    if (++lines % LINES_A_STEP === 0) onStep(() => `copy: ${counted(lines, 'line')}`);
  });
  const findings: Finding[] = [];
  const kindOf = ({ counts, source, second }: Tally): Finding['kind'] | undefined => {
    const one = all[source];
    if (one === undefined || second < one.from || second >= one.to) return undefined;
    const delivered = counts.delivered + counts.redelivered;
    if (counts.arrived === 0 && counts.set_aside > 0) return 'set aside';
    if (counts.arrived === 0) return counts.delivered > 0 ? 'not arrived' : undefined;
    return delivered > 0 && counts.arrived > delivered ? 'arrived twice' : undefined;
  };
  forEachDifference(
    parts,
    false,
    (tally) => kindOf(tally) === undefined,
    (tally) => {
      const kind = kindOf(tally);
      const source = all[tally.source]?.source.name;
      if (kind === undefined || source === undefined) return;
      findings.push({ kind, source, id: tally.id.uuid, time: formatSecond(tally.second) });
    },
  );
  return { report, findings };
}
