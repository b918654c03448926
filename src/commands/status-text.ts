import { formatDuration, parseInstant } from '../lib/duration.ts';
import { ExitCode } from '../lib/errors.ts';
import { counted, grouped } from '../lib/words.ts';
import type { LastVerify } from '../state/last-verify.ts';
import type { SourceStatus, StatusReport } from './status-report.ts';

interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
  readonly value: (source: SourceStatus) => string;
}

/** The report for people: a line for each source, then what needs a sentence. */
export function renderStatus(report: StatusReport, now: number, width: number): string {
  const { input, sources, state_file, last_run, problems } = report;
  const heading = input === null ? [] : [`Input ${input}, state in ${state_file}:`, ''];
  if (sources.length === 0) {
    const since = last_run === null ? '' : `; the next run continues from ${last_run}`;
    return `${[...heading, `${state_file} has no sources yet${since}`].join('\n')}\n`;
  }
  const remarks = [...sources.flatMap(asides), ...journalLines(report, now), ...problems].flatMap((remark) => [
    '',
    remark,
  ]);
  return `${[...heading, ...table(sources, columnsThatFit(sources, now, width)), ...remarks].join('\n')}\n`;
}

/** Where a line would be too long, the cursor is left out: BEHIND says the same. */
function columnsThatFit(sources: readonly SourceStatus[], now: number, width: number): Column[] {
  const all = columns(sources, now);
  const isTooWide = (table(sources, all)[0] ?? '').length > width;
  return isTooWide ? all.filter(({ title }) => title !== 'CURSOR' && title !== 'LAST EVENT') : all;
}

function columns(sources: readonly SourceStatus[], now: number): Column[] {
  const isByInstant = sources.every(({ cursor }) => cursor !== null);
  return [
    { title: 'SOURCE', value: ({ source }) => source },
    {
      title: isByInstant ? 'CURSOR' : 'LAST EVENT',
      value: ({ cursor, last_event }) => cursor ?? last_event ?? '-',
    },
    { title: 'BEHIND', isNumber: true, value: ({ behind_seconds: behind }) => seconds(behind) },
    { title: 'LAST SUCCESS', isNumber: true, value: ({ last_success }) => ago(last_success, now) },
    { title: 'POLL', value: ({ last_poll }) => last_poll },
    { title: 'DELIVERED', isNumber: true, value: ({ delivered }) => grouped(delivered) },
  ];
}

/** The journal, the sweeps, the last verify, and the ranges queued by redeliver. */
function journalLines(
  { journal_commit, journal_bytes, last_verify, redeliver, sources }: StatusReport,
  now: number,
): string[] {
  if (journal_commit === 0) return [];
  const sweeps = sources.flatMap(({ last_sweep }) => last_sweep ?? []).sort();
  const [oldest] = sweeps;
  const swept =
    oldest === undefined ? '' : `; ${counted(sweeps.length, 'source')} swept, the first ${ago(oldest, now)}`;
  const queue = redeliver.map(({ source, from, to, only_missing }) => {
    const what = only_missing ? 'what is missing' : 'everything';
    return `Queued by redeliver: ${what} of ${source} from ${from} to ${to}`;
  });
  const size = journal_bytes === null ? 'size unknown' : `${grouped(journal_bytes)} bytes`;
  const verified = last_verify === null ? [] : [verifyLine(last_verify, now)];
  return [`Journal: ${counted(journal_commit, 'commit')}, ${size}${swept}`, ...verified, ...queue];
}

function verifyLine({ at, from, to, exit_code }: LastVerify, now: number): string {
  const what: Record<number, string> = {
    [ExitCode.Done]: 'whole',
    [ExitCode.NothingCollected]: 'nothing could be compared',
  };
  const result = what[exit_code] ?? 'not whole, or not all compared (exit code 3)';
  return `Last verify: ${ago(at, now)}, ${from} to ${to}: ${result}`;
}

/** Counts that are nearly always 0 have no column. */
function asides(source: SourceStatus): string[] {
  const { late_events: late, greatest_lateness_seconds: lateness } = source;
  const parts: [number, string][] = [
    [source.excluded, 'left out by type'],
    [late, `late (by up to ${seconds(lateness)})`],
    [source.found_missing, 'found missing by sweeps and delivered'],
    [source.redelivered, 'redelivered'],
    [source.oversize, 'too long for a line'],
    [source.rejected, 'set aside in rejected.jsonl'],
    [source.strikes, 'refused by Fluent Bit so far'],
    [source.pending_lines, 'not yet counted by Fluent Bit'],
  ];
  const known = parts.filter(([count]) => count > 0).map(([count, what]) => `${grouped(count)} ${what}`);
  return known.length === 0 ? [] : [`${source.source}: ${known.join(', ')}`];
}

function seconds(value: number | null): string {
  return value === null ? '-' : formatDuration(value * 1000);
}

function ago(instant: string | null, now: number): string {
  const ms = instant === null ? undefined : parseInstant(instant);
  return ms === undefined ? 'never' : `${formatDuration(Math.max(0, now - ms))} ago`;
}

/** Columns as wide as their widest cell, with numbers right-aligned. */
function table(sources: readonly SourceStatus[], all: readonly Column[]): string[] {
  const fitted = all.map(({ title, isNumber, value }) => {
    const width = Math.max(title.length, ...sources.map((source) => value(source).length));
    const fit = (cell: string) => (isNumber === true ? cell.padStart(width) : cell.padEnd(width));
    return { title: fit(title), cell: (source: SourceStatus) => fit(value(source)) };
  });
  const rows = [fitted.map(({ title }) => title), ...sources.map((source) => fitted.map(({ cell }) => cell(source)))];
  return rows.map((cells) => cells.join('  '));
}
