import { parseInstant } from '../lib/duration.ts';
import { messageOf, type ExitCode } from '../lib/errors.ts';
import type { Session } from './session.ts';
import { journalBytes } from '../state/journal-files.ts';
import { readLastVerify, type LastVerify } from '../state/last-verify.ts';
import type { SourceState } from '../state/state.ts';
import { writeDurably } from '../lib/durable-file.ts';
import { VERSION } from '../lib/version.ts';

/** The node exporter and Fluent Bit read it. */
const MODE = 0o644;
const PREFIX = 'fetch_activity_logs';

interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  /** Left out when undefined. */
  readonly value: number | undefined;
}

interface JournalLook {
  readonly bytes?: number;
  readonly verify?: LastVerify | null;
}

/** Writes the metrics of a poll atomically, in Prometheus' text format. Logs a warning when that fails. */
export async function writeMetrics(file: string, session: Session, exitCode: ExitCode): Promise<void> {
  try {
    const folder = session.store.journalFolder;
    const journal =
      folder === undefined ? {} : { bytes: await journalBytes(folder), verify: await readLastVerify(folder) };
    await writeDurably(file, renderMetrics(session, exitCode, journal), MODE);
  } catch (error) {
    session.log.warn(`cannot write the metrics file ${file}: ${messageOf(error)}`);
  }
}

/**
 * Names and units follow Prometheus' conventions (https://prometheus.io/docs/practices/naming/). All samples have the
 * input as a label: the files of several inputs are read together, and no series may be in two of them.
 */
function renderMetrics(session: Session, exitCode: ExitCode, journal: JournalLook): string {
  const input = { input: session.config.ackInput };
  return [
    ...ofTheRun(session, exitCode),
    ...ofTheSources(session),
    ...ofTheJournal(session, journal),
    ...ofTheDestination(session),
  ]
    .map((metric) => render(metric, input))
    .join('');
}

function ofTheRun(session: Session, exitCode: ExitCode): Metric[] {
  const { acknowledgement, api, credentials, delivery, now, startedAt, store } = session;
  const { requests, retries, bytes } = api.stats;
  const byStatus = [...requests].map(([status, value]) => ({ labels: { status }, value }));
  const expiry = credentials.expiresAt;
  return [
    gauge('build_info', 'The version that wrote this file.', 1, { version: VERSION }),
    gauge('last_run_timestamp_seconds', 'When the last run ended.', now() / 1000),
    gauge('last_run_duration_seconds', 'How long the last run took.', (now() - startedAt) / 1000),
    gauge('last_run_exit_code', 'Exit code of the last run; 0 is success.', exitCode),
    gauge('last_run_events', 'Events that the last run printed.', delivery.events),
    gauge('last_run_excluded_events', 'New events that the last run left out by type.', delivery.excluded),
    gauge('last_run_printed_bytes', 'Bytes that the last run printed.', delivery.bytes),
    gauge('last_run_received_bytes', 'Bytes of answers that the last run received.', bytes),
    { ...gauge('last_run_requests', 'Answers to the last run, by HTTP status.', 0), samples: byStatus },
    gauge('last_run_retries', 'Requests that the last run sent again.', retries),
    gauge(
      'last_run_acknowledgement_seconds',
      'How long the last run waited for Fluent Bit.',
      acknowledgement.waitedMs / 1000,
    ),
    gauge('pending_lines', 'Lines printed and not yet counted by Fluent Bit.', store.state.pending?.lines ?? 0),
    gauge(
      'token_expiry_timestamp_seconds',
      'When the token expires.',
      expiry === undefined ? undefined : expiry / 1000,
    ),
  ];
}

/** Makes metrics that have a sample for each of these items, with its name as this label. */
function metricsOf<T>(label: string, items: readonly (readonly [name: string, item: T])[]) {
  return (type: Metric['type'], name: string, help: string, value: (item: T) => number | undefined): Metric => ({
    name: `${PREFIX}_${name}`,
    type,
    help,
    samples: items.map(([of, item]) => ({ labels: { [label]: of }, value: value(item) })),
  });
}

function ofTheSources({ now, store: { state } }: Session): Metric[] {
  const each = metricsOf('source', Object.entries(state.sources));
  const lag = (source: SourceState) => {
    const instant = reached(source);
    return instant === undefined ? undefined : Math.max(0, Math.round(now() - instant * 1000) / 1000);
  };
  // 0 and not missing: an alert cannot notice a series that never existed.
  const success = ({ last_success }: SourceState) => seconds(last_success) ?? 0;
  const swept = ({ last_sweep }: SourceState) => seconds(last_sweep);
  return [
    each('gauge', 'last_success_timestamp_seconds', 'When a source was last polled to its end; 0: never.', success),
    each('gauge', 'cursor_timestamp_seconds', 'The time up to which a source is collected.', reached),
    each('gauge', 'cursor_lag_seconds', 'How far the cursor is behind the present.', lag),
    each('counter', 'events_total', 'Events delivered.', (one) => one.delivered),
    each('counter', 'excluded_events_total', 'Events left out by type.', (one) => one.excluded),
    each('counter', 'late_events_total', 'Events older than the cursor when they came.', ({ late }) => late.count),
    each('gauge', 'late_events_max_seconds', 'The greatest lateness of an event.', ({ late }) => late.max_seconds),
    each('counter', 'oversize_lines_total', 'Events too long, kept in oversize.jsonl.', (one) => one.oversize),
    each('counter', 'rejected_lines_total', 'Undeliverable events, kept in rejected.jsonl.', (one) => one.rejected),
    each('gauge', 'last_sweep_timestamp_seconds', 'When a sweep last compared past hours with the API.', swept),
    each('counter', 'found_missing_events_total', 'Events that a sweep found missing.', (one) => one.found_missing),
    each('counter', 'redelivered_events_total', 'Events delivered again by redeliver.', (one) => one.redelivered),
  ];
}

/** The hash of the last commit, kept outside this machine, proves later that nothing before it was altered. */
function ofTheJournal({ store: { state } }: Session, { bytes, verify }: JournalLook): Metric[] {
  const { seq, hash } = state.journal;
  return [
    gauge('journal_commit', 'The number of the last commit of the journal.', seq, { hash }),
    gauge('journal_bytes', 'The size of the journal.', bytes),
    gauge('last_verify_timestamp_seconds', 'When verify last ended.', seconds(verify?.at ?? null)),
    gauge('last_verify_exit_code', 'What verify last ended with; 0: nothing is missing or altered.', verify?.exit_code),
    gauge('redeliver_queued_ranges', 'Ranges that wait to be delivered again.', state.redeliver.length),
  ];
}

/** What became of the lines after Fluent Bit's input; none where Fluent Bit was not asked. */
function ofTheDestination({ destination: { latest } }: Session): Metric[] {
  const { rejected, counters } = latest ?? {};
  const outputs = (counters?.outputs ?? []).map((output) => [output.name, output] as const);
  const each = metricsOf('output', outputs);
  const oldest = rejected?.chunks[0];
  return [
    each('counter', 'output_delivered_records_total', 'Records that the destination took.', (one) => one.delivered),
    each('counter', 'output_dropped_records_total', 'Records that an output gave up.', (one) => one.dropped),
    each('counter', 'output_errors_total', 'Chunks that an output could not send, for good.', (one) => one.errors),
    each('counter', 'output_retries_total', 'Attempts to send that an output repeats.', (one) => one.retries),
    gauge('rejected_chunks', 'Chunks that a destination refused and Fluent Bit set aside.', rejected?.chunks.length),
    gauge('rejected_chunks_bytes', 'Size of the rejected chunks.', rejected?.bytes),
    gauge(
      'rejected_chunks_oldest_timestamp_seconds',
      'When the oldest rejected chunk was set aside.',
      oldest === undefined ? undefined : oldest.at / 1000,
    ),
  ];
}

/** The cursor if it is an instant, otherwise the last successful poll: an idle source is not behind. */
function reached({ cursor, last_success }: SourceState): number | undefined {
  return seconds(cursor) ?? seconds(last_success);
}

function seconds(instant: string | null): number | undefined {
  const ms = instant === null ? undefined : parseInstant(instant);
  return ms === undefined ? undefined : ms / 1000;
}

function gauge(name: string, help: string, value: number | undefined, labels: Record<string, string> = {}): Metric {
  return { name: `${PREFIX}_${name}`, type: 'gauge', help, samples: [{ labels, value }] };
}

function render({ name, type, help, samples }: Metric, common: Readonly<Record<string, string>>): string {
  const lines = samples.flatMap(({ labels = {}, value }) => {
    if (value === undefined) return [];
    const pairs = Object.entries({ ...common, ...labels }).map(([label, text]) => `${label}="${escape(text)}"`);
    return [`${name}{${pairs.join(',')}} ${value}\n`];
  });
  return lines.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
