import { formatDuration, formatSecond } from '../lib/duration.ts';
import { counted, grouped } from '../lib/words.ts';
import type { DestinationSeen } from '../state/destination-seen.ts';
import { isSameLife, type FluentBit, type OutputCounter, type OutputCounters } from './fluent-bit-counter.ts';
import { readRejected, spanOf, type Chunk, type RejectedChunks } from './rejected-chunks.ts';

/** A chunk is set aside up to this long before its records are counted as dropped. */
const COUNTED_MS = 60_000;

/** What became of the lines after Fluent Bit's input. */
export interface Destination {
  /** Undefined when Fluent Bit was not asked, or did not answer. */
  readonly counters: OutputCounters | undefined;
  /** Undefined when the folder cannot be read. */
  readonly rejected: RejectedChunks | undefined;
}

/** Asks Fluent Bit for its outputs' counters and looks into the folder of rejected chunks. Never throws. */
export async function lookAtDestination(
  fluentBit: FluentBit | undefined,
  rejectedFolder: string,
  signal: AbortSignal,
): Promise<Destination> {
  const [counters, rejected] = await Promise.all([
    fluentBit?.outputs(signal).catch(() => undefined),
    readRejected(rejectedFolder),
  ]);
  return { counters, rejected };
}

/** What to remember, so that the next run can tell what is new. What is unknown now stays as it was. */
export function rememberDestination(
  { counters, rejected }: Destination,
  before: DestinationSeen | undefined,
  now: number,
): DestinationSeen | undefined {
  if (counters === undefined && rejected === undefined) return before;
  return {
    looked_at: new Date(now).toISOString(),
    started_at: counters?.startedAt ?? before?.started_at ?? 0,
    dropped:
      counters === undefined
        ? (before?.dropped ?? {})
        : Object.fromEntries(counters.outputs.map(({ name, dropped }) => [name, dropped])),
    rejected_until: Math.max(before?.rejected_until ?? 0, rejected?.chunks.at(-1)?.at ?? 0),
  };
}

/**
 * What was dropped or rejected since the last look, and how to send it again: one line, undefined when nothing was.
 * `overlapMs`: how long before the last look the missing events may have happened, when no chunk says.
 */
export async function newLosses(
  { counters, rejected }: Destination,
  before: DestinationSeen | undefined,
  overlapMs: number,
): Promise<string | undefined> {
  const drops = (counters?.outputs ?? [])
    .map((output) => ({ ...output, grown: grownBy(output, counters, before) }))
    .filter(({ grown }) => grown > 0);
  const chunks = (rejected?.chunks ?? []).filter(({ at }) => at > (before?.rejected_until ?? 0));
  if (drops.length === 0 && chunks.length === 0) return undefined;
  const what = [
    ...drops.map(({ name, grown }) => `output ${name} dropped ${counted(grown, 'record')}`),
    ...(chunks.length === 0 ? [] : [`Fluent Bit set aside ${describeChunks(chunks)} in ${rejected?.folder ?? ''}`]),
  ];
  const since = before === undefined ? '' : ' since the last run';
  const lastLook = before === undefined ? (counters?.startedAt ?? 0) * 1000 : Date.parse(before.looked_at);
  // A chunk may be there one run before its records are counted as dropped.
  const meant = chunks.length > 0 ? chunks : (rejected?.chunks ?? []).filter(({ at }) => at > lastLook - COUNTED_MS);
  return (
    `${what.join(', ')}${since}: find out why (journalctl -u fluent-bit), then send them again: ` +
    (await redeliverCommand(meant, lastLook - overlapMs))
  );
}

/** The command that sends the events of these chunks again or, when their times are unknown, all since then. */
export async function redeliverCommand(chunks: readonly Chunk[], otherwiseFrom: number): Promise<string> {
  const span = await spanOf(chunks);
  if (span === undefined) return `fetch-activity-logs redeliver --from ${formatSecond(second(otherwiseFrom))}`;
  // The end is exclusive.
  return `fetch-activity-logs redeliver --from ${formatSecond(second(span.from))} --to ${formatSecond(second(span.to) + 1)}`;
}

/** Records wait for a destination that has refused or missed an attempt. */
export function isHeldUp({ retries, waiting }: OutputCounter): boolean {
  return retries > 0 && waiting > 0;
}

/** What an output has done since Fluent Bit started: `1,812 delivered, 30 waiting, 24 dropped, 2 errors, 3 retries`. */
export function describeOutput({ delivered, waiting, dropped, errors, retries }: OutputCounter): string {
  const parts = [`${grouped(delivered)} delivered`];
  if (waiting > 0) parts.push(`${grouped(waiting)} waiting`);
  if (dropped > 0) parts.push(`${grouped(dropped)} dropped`);
  if (errors > 0) parts.push(counted(errors, 'error'));
  if (retries > 0) parts.push(retries === 1 ? '1 retry' : `${grouped(retries)} retries`);
  return parts.join(', ');
}

/** `3 rejected chunks (12,288 bytes)`. */
export function describeChunks(chunks: readonly Chunk[]): string {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
  return `${counted(chunks.length, 'rejected chunk')} (${counted(bytes, 'byte')})`;
}

/** `the oldest 3 d ago`. */
export function ageOf([oldest]: readonly Chunk[], now: number): string {
  return oldest === undefined ? '' : `the oldest ${formatDuration(Math.max(0, now - oldest.at))} ago`;
}

/** What `status --json` says about the lines after the input. */
export function reportDestination({ counters, rejected }: Destination) {
  const oldest = rejected?.chunks[0];
  return {
    /** Null when Fluent Bit was not asked, or did not answer. */
    outputs: counters?.outputs ?? null,
    /** Null when the folder cannot be read. */
    rejected_chunks: rejected?.chunks.length ?? null,
    rejected_bytes: rejected?.bytes ?? null,
    /** When the oldest chunk was set aside, RFC 3339. */
    oldest_rejected: oldest === undefined ? null : new Date(oldest.at).toISOString(),
  };
}

/** The destination for people: one line for each output, and one for the rejected chunks. */
export async function renderDestination({ counters, rejected }: Destination, now: number): Promise<string[]> {
  const outputs = (counters?.outputs ?? []).map(
    (output) => `OUTPUT ${output.name}: ${describeOutput(output)} since Fluent Bit started.`,
  );
  const chunks = rejected?.chunks ?? [];
  if (chunks.length === 0) return outputs;
  const again = await redeliverCommand(chunks, chunks[0]?.at ?? now);
  return [
    ...outputs,
    `REJECTED: ${describeChunks(chunks)}, ${ageOf(chunks, now)}, in ${rejected?.folder ?? ''}. ` +
      `Once the destination takes them, send their events again, then remove the chunks: ${again}`,
  ];
}

function grownBy(
  { name, dropped }: OutputCounter,
  counters: OutputCounters | undefined,
  before: DestinationSeen | undefined,
): number {
  const isSame = counters !== undefined && before !== undefined && isSameLife(counters.startedAt, before.started_at);
  return isSame ? dropped - (before.dropped[name] ?? 0) : dropped;
}

function second(epochMs: number): number {
  return Math.max(0, Math.floor(epochMs / 1000));
}
