import { parseInstant } from '../lib/duration.ts';
import { ShapeError } from '../lib/narrow.ts';
import { FIRST_PREV, hashOf, type ChainEnd } from '../state/chain.ts';
import { journalFiles, linesOf, type RawLine } from '../state/journal-files.ts';
import { parseLine, type JournalLine } from '../state/journal-line.ts';

/** What the chain of a journal's lines says of the journal. */
export interface ChainReport {
  lines: number;
  /** The first and the last commit that are there. */
  first: { readonly seq: number; readonly at: string } | undefined;
  last: ChainEnd | undefined;
  /** Since when the journal is complete, in epoch seconds: earlier files were removed. 0 when none was. */
  completeFrom: number;
  /** Each place where it is broken, in words. */
  readonly problems: string[];
}

/**
 * Reads the whole journal and hands each line that can be read to `visit`. `snapshot` is the commit that the state file
 * knows: a change of the last line shows only there.
 */
export async function readChain(
  folder: string,
  snapshot: ChainEnd,
  visit: (line: JournalLine) => void,
): Promise<ChainReport> {
  const report: ChainReport = { lines: 0, first: undefined, last: undefined, completeFrom: 0, problems: [] };
  let before: { readonly seq: number; readonly hash: string; readonly place: string } | undefined;
  for (const file of await journalFiles(folder)) {
    for await (const raw of linesOf(folder, file)) {
      const place = `${file}, line ${raw.number}`;
      const line = raw.isWhole ? read(raw) : undefined;
      if (line === undefined) {
        // A run may be appending it at this moment; the next run cuts it off if not.
        if (raw.isWhole) report.problems.push(`${place} cannot be read: it was altered`);
        before = undefined;
        continue;
      }
      report.lines++;
      if (report.first === undefined) {
        report.first = { seq: line.seq, at: line.at };
        if (line.seq > 1) report.completeFrom = Math.ceil((parseInstant(line.at) ?? 0) / 1000);
        if (line.seq === 1 && line.prev !== FIRST_PREV)
          report.problems.push(`${place} does not begin the journal: it was altered`);
      } else if (before !== undefined) {
        const problem = breakBetween(before, line, place);
        if (problem !== undefined) report.problems.push(problem);
      }
      before = { seq: line.seq, hash: hashOf(raw.bytes), place };
      report.last = { seq: line.seq, hash: before.hash };
      if (line.seq === snapshot.seq && before.hash !== snapshot.hash) {
        report.problems.push(`${place} is not the commit ${line.seq} that the state file knows: it was altered`);
      }
      visit(line);
    }
  }
  if (snapshot.seq > (report.last?.seq ?? 0)) {
    report.problems.push(
      `the journal ends with commit ${report.last?.seq ?? 0}, and the state file knows ${snapshot.seq}: lines are missing`,
    );
  }
  return report;
}

function read(raw: RawLine): JournalLine | undefined {
  try {
    return parseLine(raw.bytes);
  } catch (error) {
    if (error instanceof ShapeError) return undefined;
    throw error;
  }
}

function breakBetween(
  before: { readonly seq: number; readonly hash: string; readonly place: string },
  line: JournalLine,
  place: string,
): string | undefined {
  if (line.seq > before.seq + 1) {
    return `between ${before.place} and ${place} the commits ${before.seq + 1} to ${line.seq - 1} are missing`;
  }
  if (line.seq <= before.seq)
    return `${place} is commit ${line.seq} behind commit ${before.seq}: it was inserted or moved`;
  if (line.prev !== before.hash) return `${before.place} was altered: ${place} has another hash of it`;
  return undefined;
}
