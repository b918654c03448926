import { formatDuration, formatSecond, parseInstant } from '../lib/duration.ts';
import { oneLine } from '../lib/one-line.ts';
import { redact } from '../lib/secrets.ts';
import { counted } from '../lib/words.ts';
import { isPrinted } from '../state/batch.ts';
import type { LastVerify } from '../state/last-verify.ts';
import type { SourceState, State } from '../state/state.ts';

/** The content of `status --json`. Instants in UTC to the second, durations in seconds. */
export type StatusReport = ReturnType<typeof reportOf>;
export type SourceStatus = ReturnType<typeof sourceStatus>;

export interface JournalLook {
  readonly folder: string;
  readonly bytes: number | null;
  readonly lastVerify: LastVerify | null;
  readonly problem?: string;
}

interface StatusOptions {
  readonly input: string | undefined;
  readonly provider: string;
  readonly stateFile: string;
  /** Where events were set aside; undefined when none are there. */
  readonly rejectedFile: string | undefined;
  readonly journal: JournalLook;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly secrets: readonly string[];
  /** How far a source may be behind; undefined: no limit. */
  readonly maxBehindMs: number | undefined;
}

/** The report on a state. Errors are reduced to one line, and secrets are redacted. */
export function reportOf(state: State, options: StatusOptions) {
  const sources = Object.entries(state.sources).map(([name, source]) => sourceStatus(name, source, state, options));
  const pending = state.pending?.lines ?? 0;
  return {
    /** The input of Fluent Bit that has this state; null when it was not looked for. */
    input: options.input ?? null,
    provider: options.provider,
    state_file: options.stateFile,
    /** Where the Python fetcher would continue; null before anything was collected. */
    last_run: toSecond(state.last_run),
    /** Printed, and not yet counted by Fluent Bit. */
    pending_lines: pending,
    /** The number of the last commit in the state. */
    journal_commit: state.journal.seq,
    /** The size of the journal; null when it cannot be read. */
    journal_bytes: options.journal.bytes,
    /** What verify last compared, and how it ended; null when it never did. */
    last_verify: options.journal.lastVerify,
    redeliver: state.redeliver.map(({ source, from, to, missing }) => ({
      source: oneLine(source),
      from: formatSecond(from),
      to: formatSecond(to),
      only_missing: missing,
    })),
    /** Why the exit code is 3; empty when all is well. */
    problems: problemsOf(sources, pending, options),
    sources,
  };
}

function problemsOf(sources: readonly SourceStatus[], pending: number, options: StatusOptions): string[] {
  const { journal, maxBehindMs, rejectedFile } = options;
  const problems = sources.flatMap(({ source, last_poll, failed_at, last_error, behind_seconds }) => {
    const found: string[] = [];
    if (last_poll === 'failed')
      found.push(`${source}: the last poll failed at ${failed_at ?? '?'}: ${last_error ?? ''}`);
    if (last_poll === 'never') found.push(`${source} was never polled to its end`);
    if (maxBehindMs !== undefined && (behind_seconds ?? 0) * 1000 > maxBehindMs) {
      found.push(
        `${source} is ${formatDuration((behind_seconds ?? 0) * 1000)} behind, more than ${formatDuration(maxBehindMs)}`,
      );
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
  if (journal.problem !== undefined) problems.push(`the journal ${journal.folder} cannot be read: ${journal.problem}`);
  if (rejectedFile !== undefined) {
    problems.push(`${rejectedFile} holds what could not be delivered; find out why, then move it away`);
  }
  return problems;
}

function sourceStatus(name: string, source: SourceState, { pending }: State, { now, secrets }: StatusOptions) {
  const { cursor, last_success, last_error } = source;
  const isInstant = parseInstant(cursor) !== undefined;
  // A cursor that is not an instant was at the end of the log when the last poll succeeded.
  const reached = parseInstant(isInstant ? cursor : (last_success ?? source.start));
  const last_poll: 'ok' | 'failed' | 'never' = last_error !== null ? 'failed' : last_success === null ? 'never' : 'ok';
  // The state has time and text in one string.
  const [, failedAt, error]: readonly (string | null | undefined)[] = /^(\S+Z) (.*)$/s.exec(last_error ?? '') ?? [
    undefined,
    undefined,
    last_error,
  ];
  return {
    source: oneLine(name),
    /** Null where it is not an instant but a URL. */
    cursor: isInstant ? toSecond(cursor) : null,
    last_event: toSecond(source.last_event),
    behind_seconds: reached === undefined ? null : Math.max(0, Math.round((now - reached) / 1000)),
    last_poll,
    last_success: toSecond(last_success),
    /** When the last poll failed, and why; null when it did not. */
    failed_at: toSecond(failedAt ?? null),
    last_error: error === undefined || error === null ? null : oneLine(redact(error, secrets)),
    /** Events that Fluent Bit took. Those in rejected.jsonl are not among them. */
    delivered: source.delivered,
    /** Events that were left out by --exclude-types or --include-types. */
    excluded: source.excluded,
    late_events: source.late.count,
    greatest_lateness_seconds: source.late.max_seconds,
    /** When past hours were last compared with the counts of the API; null when none were. */
    last_sweep: toSecond(source.last_sweep),
    /** Events that sweeps found missing, and delivered. */
    found_missing: source.found_missing,
    redelivered: source.redelivered,
    oversize: source.oversize,
    rejected: source.rejected,
    /** Events that Fluent Bit has refused once or twice; the third time they are set aside. */
    strikes: Object.keys(source.strikes).length,
    pending_lines: pending?.sources[name]?.entries.filter(({ kind }) => isPrinted(kind)).length ?? 0,
  };
}

/** All times have the same form. */
function toSecond(instant: string | null): string | null {
  const ms = instant === null ? undefined : parseInstant(instant);
  return ms === undefined ? instant : formatSecond(ms / 1000);
}
