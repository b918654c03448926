import { formatDuration, parseInstant } from '../lib/duration.ts';
import { oneLine } from '../lib/one-line.ts';
import { redact } from '../lib/secrets.ts';
import type { SourceState, State } from '../state/state.ts';

/** What `status --json` says. Instants in RFC 3339, durations in seconds. */
export interface StatusReport {
  readonly provider: string;
  readonly state_file: string;
  /** What the Python fetcher would go on from; null before anything was collected. */
  readonly last_run: string | null;
  /** Printed, and not yet counted by Fluent Bit. */
  readonly pending_lines: number;
  readonly sources: readonly SourceStatus[];
}

export interface SourceStatus {
  readonly source: string;
  /** Null where it is no instant but a place that the API knows. */
  readonly cursor: string | null;
  /** When the event that was delivered last happened. */
  readonly last_event: string | null;
  readonly behind_seconds: number | null;
  readonly last_success: string | null;
  /** Null when the last poll went well. */
  readonly last_error: string | null;
  readonly delivered: number;
  readonly late_events: number;
  readonly greatest_lateness_seconds: number;
  /** Events that Fluent Bit has refused once or twice; the third time they are set aside. */
  readonly strikes: number;
  readonly pending_lines: number;
}

/** What a state says at this instant. Errors are shortened to one line, without what must not be shown. */
export function reportOf(
  state: State,
  options: { provider: string; stateFile: string; now: number; secrets: readonly string[] },
): StatusReport {
  return {
    provider: options.provider,
    state_file: options.stateFile,
    last_run: state.last_run,
    pending_lines: state.pending?.lines ?? 0,
    sources: Object.entries(state.sources).map(([name, source]) => sourceStatus(name, source, state, options)),
  };
}

function sourceStatus(
  name: string,
  source: SourceState,
  { pending }: State,
  { now, secrets }: { now: number; secrets: readonly string[] },
): SourceStatus {
  const { cursor, last_success, last_error } = source;
  const isInstant = parseInstant(cursor) !== undefined;
  // A cursor that is no instant was at the end of the log when the last poll had its end.
  const reached = parseInstant(isInstant ? cursor : (last_success ?? source.start));
  return {
    source: oneLine(name),
    cursor: isInstant ? cursor : null,
    last_event: source.last_event,
    behind_seconds: reached === undefined ? null : Math.max(0, Math.round((now - reached) / 1000)),
    last_success,
    last_error: last_error === null ? null : oneLine(redact(last_error, secrets)),
    delivered: source.delivered,
    late_events: source.late.count,
    greatest_lateness_seconds: source.late.max_seconds,
    strikes: Object.keys(source.strikes).length,
    pending_lines: pending?.sources[name]?.entries.length ?? 0,
  };
}

interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
  readonly value: (source: SourceStatus) => string;
}

/** The report for people: a line for each source, then what needs a sentence. */
export function renderStatus(report: StatusReport, now: number): string {
  const { sources, state_file, last_run } = report;
  if (sources.length === 0) {
    const since = last_run === null ? '' : `; the next run goes on from ${last_run}`;
    return `${state_file} knows no source yet${since}\n`;
  }
  const lines = table(sources, columns(sources, now));
  const errors = sources.flatMap(({ source, last_error }) =>
    last_error === null ? [] : [`${source} failed last: ${last_error}`],
  );
  return [...lines, ...[...errors, ...remarks(report)].flatMap((remark) => ['', remark])].join('\n') + '\n';
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
    { title: 'LAST POLL', value: ({ last_success, last_error }) => lastPoll(last_success, last_error) },
    { title: 'DELIVERED', isNumber: true, value: ({ delivered }) => String(delivered) },
    { title: 'LATE', isNumber: true, value: ({ late_events }) => String(late_events) },
    { title: 'MAX LATE', isNumber: true, value: (source) => lateness(source) },
    { title: 'STRIKES', isNumber: true, value: ({ strikes }) => String(strikes) },
    { title: 'PENDING', isNumber: true, value: ({ pending_lines }) => String(pending_lines) },
  ];
}

function lastPoll(lastSuccess: string | null, lastError: string | null): string {
  if (lastError !== null) return 'failed';
  return lastSuccess === null ? '-' : 'ok';
}

function lateness({ late_events, greatest_lateness_seconds }: SourceStatus): string {
  return late_events === 0 ? '-' : seconds(greatest_lateness_seconds);
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

function remarks({ pending_lines, sources }: StatusReport): string[] {
  const found: string[] = [];
  if (pending_lines > 0) {
    found.push(
      `PENDING: Fluent Bit had not counted ${pending_lines} lines when the last run ended. The next run looks again, ` +
        'and prints them again if they were not taken.',
    );
  }
  if (sources.some(({ strikes }) => strikes > 0)) {
    found.push('STRIKES: Fluent Bit has refused these events; after the third time they go to rejected.jsonl.');
  }
  return found;
}
