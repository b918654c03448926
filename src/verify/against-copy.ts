import type { EventId } from '../events/event-id.ts';
import { counted } from '../lib/words.ts';
import type { ArrivedReport } from './arrived.ts';
import { findingsIn, talliesOf, type Tally } from './compare-ids.ts';
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
  const findings = Array.from(findingsIn(talliesOf(parts, false), all, kindOf), ({ finding }) => finding);
  return { report, findings };
}

function kindOf({ counts }: Tally): Finding['kind'] | undefined {
  const delivered = counts.delivered + counts.redelivered;
  if (counts.arrived === 0 && counts.set_aside > 0) return 'set aside';
  if (counts.arrived === 0) return counts.delivered > 0 ? 'not arrived' : undefined;
  return delivered > 0 && counts.arrived > delivered ? 'arrived twice' : undefined;
}
