import { formatDuration, formatSecond, parseInstant } from '../lib/duration.ts';
import { oneLine } from '../lib/one-line.ts';
import { redact } from '../lib/secrets.ts';
import { counted, grouped } from '../lib/words.ts';
import type { SourceState, State } from '../state/state.ts';

/** What `status --json` says. Instants in UTC to the second, durations in seconds. */
export interface StatusReport {
  /** The input of Fluent Bit that keeps this state; null when it was not looked for. */
  readonly input: string | null;
  readonly provider: string;
  readonly state_file: string;
  /** Where the Python fetcher would continue; null before anything was collected. */
  readonly last_run: string | null;
  /** Printed, and not yet counted by Fluent Bit. */
  readonly pending_lines: number;
  /** Why the exit code is 3; empty when all is well. */
  readonly problems: readonly string[];
  readonly sources: readonly SourceStatus[];
}

export interface SourceStatus {
  readonly source: string;
  /** Null where it is not an instant but a place that only the API knows. */
  readonly cursor: string | null;
  /** When the event that was delivered last happened. */
  readonly last_event: string | null;
  readonly behind_seconds: number | null;
  readonly last_poll: 'ok' | 'failed' | 'never';
  readonly last_success: string | null;
  /** When the last poll failed, and why; null when it did not. */
  readonly failed_at: string | null;
  readonly last_error: string | null;
  /** Events that Fluent Bit took. Those in rejected.jsonl are not among them. */
  readonly delivered: number;
  /** Events that were left out by --exclude-types or --include-types. */
  readonly excluded: number;
  readonly late_events: number;
  readonly greatest_lateness_seconds: number;
  readonly oversize: number;
  readonly rejected: number;
  /** Events that Fluent Bit has refused once or twice; the third time they are set aside. */
  readonly strikes: number;
  readonly pending_lines: number;
}

export interface StatusOptions {
  readonly input: string | undefined;
  readonly provider: string;
  readonly stateFile: string;
  /** Where events were set aside; undefined when none are there. */
  readonly rejectedFile: string | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly secrets: readonly string[];
  /** How far a source may be behind; undefined: as far as it likes. */
  readonly maxBehindMs: number | undefined;
}

/** What a state says at this instant. Errors are shortened to one line, without what must not be shown. */
export function reportOf(state: State, options: StatusOptions): StatusReport {
  const sources = Object.entries(state.sources).map(([name, source]) => sourceStatus(name, source, state, options));
  const pending = state.pending?.lines ?? 0;
  return {
    input: options.input ?? null,
    provider: options.provider,
    state_file: options.stateFile,
    last_run: toSecond(state.last_run),
    pending_lines: pending,
    problems: problemsOf(sources, pending, options),
    sources,
  };
}

function problemsOf(sources: readonly SourceStatus[], pending: number, options: StatusOptions): string[] {
  const { maxBehindMs, rejectedFile } = options;
  const problems = sources.flatMap(({ source, last_poll, failed_at, last_error, behind_seconds }) => {
    const found: string[] = [];
    if (last_poll === 'failed')
      found.push(`${source}: the last poll failed at ${failed_at ?? '?'}: ${last_error ?? ''}`);
    if (last_poll === 'never') found.push(`${source} was never polled to its end`);
    if (maxBehindMs !== undefined && (behind_seconds ?? 0) * 1000 > maxBehindMs) {
      found.push(`${source} is ${seconds(behind_seconds)} behind, more than ${formatDuration(maxBehindMs)}`);
    }
    return found;
  });
  if (sources.length === 0) problems.push(`${options.stateFile} has no sources yet`);
  if (pending > 0) {
    problems.push(
      `Fluent Bit had not counted ${counted(pending, 'line')} when the last run ended; the next run checks again, ` +
        'and prints them again if they were not taken',
    );
  }
  if (sources.some(({ strikes }) => strikes > 0)) {
    problems.push('Fluent Bit has refused events; after the third time they go to rejected.jsonl');
  }
  if (rejectedFile !== undefined) {
    problems.push(`${rejectedFile} holds events that Fluent Bit refused; find out why, then move it away`);
  }
  return problems;
}

function sourceStatus(
  name: string,
  source: SourceState,
  { pending }: State,
  { now, secrets }: StatusOptions,
): SourceStatus {
  const { cursor, last_success, last_error } = source;
  const isInstant = parseInstant(cursor) !== undefined;
  // A cursor that is not an instant was at the end of the log when the last poll had its end.
  const reached = parseInstant(isInstant ? cursor : (last_success ?? source.start));
  // The state has time and text in one.
  const [, failedAt, error]: readonly (string | null | undefined)[] = /^(\S+Z) (.*)$/s.exec(last_error ?? '') ?? [
    undefined,
    undefined,
    last_error,
  ];
  return {
    source: oneLine(name),
    cursor: isInstant ? toSecond(cursor) : null,
    last_event: toSecond(source.last_event),
    behind_seconds: reached === undefined ? null : Math.max(0, Math.round((now - reached) / 1000)),
    last_poll: last_error !== null ? 'failed' : last_success === null ? 'never' : 'ok',
    last_success: toSecond(last_success),
    failed_at: toSecond(failedAt ?? null),
    last_error: error === undefined || error === null ? null : oneLine(redact(error, secrets)),
    delivered: source.delivered,
    excluded: 0,
    late_events: source.late.count,
    greatest_lateness_seconds: source.late.max_seconds,
    oversize: source.oversize,
    rejected: source.rejected,
    strikes: Object.keys(source.strikes).length,
    pending_lines: pending?.sources[name]?.entries.length ?? 0,
  };
}

/** All times have one form. */
function toSecond(instant: string | null): string | null {
  const ms = instant === null ? undefined : parseInstant(instant);
  return ms === undefined ? instant : formatSecond(Math.floor(ms / 1000));
}

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
  const remarks = [...sources.flatMap(asides), ...problems].flatMap((remark) => ['', remark]);
  return `${[...heading, ...table(sources, columnsThatFit(sources, now, width)), ...remarks].join('\n')}\n`;
}

/** Where a line would be too long, the cursor goes: BEHIND says the same. */
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

/** What is rarely anything but 0 has no column. */
function asides(source: SourceStatus): string[] {
  const { late_events: late, greatest_lateness_seconds: lateness } = source;
  const parts: [number, string][] = [
    [source.excluded, 'excluded by type'],
    [late, `late (by up to ${seconds(lateness)})`],
    [source.oversize, 'too long for a line'],
    [source.rejected, 'rejected by Fluent Bit'],
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

/** Columns as wide as their widest cell, numbers at their right edge. */
function table(sources: readonly SourceStatus[], all: readonly Column[]): string[] {
  const fitted = all.map(({ title, isNumber, value }) => {
    const width = Math.max(title.length, ...sources.map((source) => value(source).length));
    const fit = (cell: string) => (isNumber === true ? cell.padStart(width) : cell.padEnd(width));
    return { title: fit(title), cell: (source: SourceStatus) => fit(value(source)) };
  });
  const rows = [fitted.map(({ title }) => title), ...sources.map((source) => fitted.map(({ cell }) => cell(source)))];
  return rows.map((cells) => cells.join('  ').trimEnd());
}
