import type { EventId } from '../events/event-id.ts';
import { formatSecond } from '../lib/duration.ts';
import { counted } from '../lib/words.ts';
import type { ArrivedReport } from './arrived.ts';
import { forEachDifference, type Tally } from './compare-ids.ts';
import { addJournal, type Compared, type OnStep } from './compared.ts';
import { IdParts } from './id-parts.ts';
import type { Finding } from './report.ts';

const LINES_A_STEP = 1_000;

/** Reads the copy of what arrived; its events are handed to `visit`. */
export type ReadCopy = (visit: (id: EventId) => void) => Promise<ArrivedReport>;

/** Compares the copy with the journal. */
export async function againstCopy(
  folder: string,
  compared: readonly Compared[],
  readCopy: ReadCopy,
  onStep: OnStep,
): Promise<{ report: ArrivedReport; findings: Finding[] }> {
  const parts = new IdParts();
  try {
    await addJournal(folder, compared, parts, onStep);
    let lines = 0;
    const report = await readCopy((id) => {
      parts.add({ id, second: 0, side: 'arrived', source: 0, isNamed: true });
      if (++lines % LINES_A_STEP === 0) onStep(() => `copy: ${counted(lines, 'line')}`);
    });
    const findings: Finding[] = [];
    const kind = ({ counts }: Tally): Finding['kind'] | undefined => {
      const delivered = counts.delivered + counts.redelivered;
      if (counts.arrived === 0 && counts.set_aside > 0) return 'set aside';
      if (counts.arrived === 0) return counts.delivered > 0 ? 'not arrived' : undefined;
      return delivered > 0 && counts.arrived > delivered ? 'arrived twice' : undefined;
    };
    forEachDifference(
      parts,
      false,
      (tally) => kind(tally) === undefined,
      (tally) => {
        const one = kind(tally);
        const source = compared[tally.source]?.source.name;
        if (one === undefined || source === undefined) return;
        findings.push({ kind: one, source, id: tally.id.uuid, time: formatSecond(tally.second) });
      },
    );
    return { report, findings };
  } finally {
    parts.close();
  }
}
