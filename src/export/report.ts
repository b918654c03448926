import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeDurably } from '../lib/durable-file.ts';
import { formatSecond } from '../lib/duration.ts';
import { ConfigError, messageOf } from '../lib/errors.ts';
import { VERSION } from '../lib/version.ts';
import { counted, grouped } from '../lib/words.ts';
import type { ExportRange } from '../config/export-request.ts';
import type { SourceState } from '../state/state.ts';
import type { SourceTally } from './progress-record.ts';

/** What an export wrote, for an auditor. Instants in UTC. */
interface ExportReport {
  readonly program: string;
  readonly provider: string;
  readonly api_url: string;
  readonly from: string;
  /** Exclusive. */
  readonly to: string;
  readonly format: string;
  /** Null for stdout. */
  readonly output: string | null;
  readonly bytes: number;
  /** Of all bytes written. */
  readonly sha256: string;
  readonly events: number;
  /** The file with what the API sent in place of events; null when there was nothing, and for stdout. */
  readonly rejected_file: string | null;
  /** False when the API counts more than it returned. */
  readonly complete: boolean;
  readonly sources: readonly ReturnType<typeof sourceReport>[];
}

/** Notes an event that was written. */
export function tallyEvent(tally: SourceTally, time: number | undefined): void {
  if (time === undefined) return;
  tally.first = Math.min(tally.first ?? time, time);
  tally.last = Math.max(tally.last ?? time, time);
}

/** The report's part on one source. */
export function sourceReport(
  source: string,
  state: Pick<SourceState, 'delivered' | 'rejected' | 'cursor'>,
  tally: SourceTally,
) {
  return {
    source,
    events: state.delivered,
    /** How many the API counts in the range; null when that is unknown. */
    api_events: tally.countedUpTo === state.cursor ? tally.counted : null,
    /** How many of them cannot be read. */
    rejected: state.rejected,
    first_event: tally.first === null ? null : formatSecond(tally.first / 1000),
    last_event: tally.last === null ? null : formatSecond(tally.last / 1000),
  };
}

export function reportOf(
  parts: Omit<ExportReport, 'program' | 'from' | 'to' | 'events'> & { range: ExportRange },
): ExportReport {
  const { range, sources, ...others } = parts;
  return {
    program: `fetch-activity-logs ${VERSION}`,
    from: formatSecond(range.from),
    to: formatSecond(range.to),
    events: sources.reduce((sum, { events }) => sum + events, 0),
    ...others,
    sources,
  };
}

/** The report for people: one line for each source, and those about all. */
export function summaryOf({ from, to, output, sha256, events, bytes, sources, rejected_file }: ExportReport): string[] {
  const where = rejected_file === null ? 'left out' : `in ${rejected_file}`;
  const lines = sources.map((source) => {
    const api = source.api_events === null ? '' : ` (the API counts ${grouped(source.api_events)})`;
    const span = source.first_event === null ? '' : `, from ${source.first_event} to ${source.last_event ?? ''}`;
    const bad = source.rejected === 0 ? '' : `; ${grouped(source.rejected)} cannot be read: ${where}`;
    return `${source.source}: ${counted(source.events, 'event')}${api}${span}${bad}`;
  });
  return [
    ...lines,
    `${counted(events, 'event')} from ${counted(sources.length, 'source')}, ${from} to ${to}`,
    `${counted(bytes, 'byte')} in ${output ?? 'stdout'}, SHA-256 ${sha256}`,
  ];
}

/** Throws ConfigError when it cannot be written. */
export async function writeReport(file: string, report: ExportReport): Promise<void> {
  try {
    await writeDurably(file, `${JSON.stringify(report, null, 2)}\n`);
  } catch (error) {
    throw new ConfigError(`--report: cannot write ${file}: ${messageOf(error)}`);
  }
}

/** SHA-256 of a file, in hexadecimal digits. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
