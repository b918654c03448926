import { formatSecond, type TimeSpan } from '../lib/duration.ts';
import { ConfigError } from '../lib/errors.ts';
import { MAX_TIMEOUT_MS, duration, oneOf, settings, path, since, type Options } from './settings.ts';

export const FORMATS = ['jsonl', 'csv'] as const;
export const SEPARATOR_NAMES = ['comma', 'semicolon', 'tab'] as const;

/** What `export` is asked for. */
export type ExportRequest = Readonly<ReturnType<typeof readExportRequest>>;

/** It does not end in the future. */
export interface ExportRange extends TimeSpan {
  /** As written: `24h` is a different instant each time, but the same request. */
  readonly given: { readonly from: string; readonly to: string | null };
}

/** Reads the options of `export`; none of them has an environment variable. Throws ConfigError. */
export function readExportRequest(options: Options) {
  const setting = settings(options, {});
  const output = setting('output', path, undefined);
  const format = setting('format', oneOf(FORMATS), output?.toLowerCase().endsWith('.csv') === true ? 'csv' : 'jsonl');
  if (format === 'csv' && options['add-fields'] !== undefined) {
    throw new ConfigError('--add-fields is for jsonl: the columns of csv are always the same');
  }
  const [from, to] = [setting('from', instant, undefined), setting('to', instant, undefined)];
  if (from === undefined) throw new ConfigError('export requires --from, such as --from 24h or --from 2026-01-31');
  return {
    /**
     * The requested range, given the present (epoch milliseconds). Throws ConfigError when its end is not after its
     * start; it may start in the future.
     */
    rangeAt: (now: number) => readRange(from, to, now),
    /** Undefined: stdout. */
    output: output === '-' ? undefined : output,
    format,
    /** Between the cells of csv. */
    separator: setting('separator', oneOf(SEPARATOR_NAMES), 'comma'),
    /** Where to write the report; undefined: no report. */
    report: setting('report', path, undefined),
    /** Replace an existing file. */
    isForced: options['force'] === true,
    /** Infinity by default. */
    deadlineMs: setting('deadline', duration(1_000, MAX_TIMEOUT_MS), undefined) ?? Infinity,
  };
}

interface Instant {
  readonly text: string;
  readonly at: (now: number) => number;
}

function instant(value: string): Instant {
  return { text: value.trim(), at: since(value) };
}

function readRange(first: Instant, last: Instant | undefined, now: number): ExportRange {
  const from = Math.max(0, Math.floor(first.at(now) / 1000));
  const to = Math.min(Math.ceil((last?.at(now) ?? now) / 1000), Math.floor(now / 1000));
  const end = last === undefined ? Infinity : Math.ceil(last.at(now) / 1000);
  if (from >= end) throw isEmpty(from, '--to', end);
  return { from, to, given: { from: first.text, to: last?.text ?? null } };
}

/** Throws ConfigError when the range begins in the future. Whether it does depends on whose clock is right. */
export function assertBegun({ from, to }: ExportRange): void {
  if (from >= to) throw isEmpty(from, 'the present', to);
}

function isEmpty(from: number, end: string, to: number): ConfigError {
  return new ConfigError(`--from (${formatSecond(from)}) must be before ${end} (${formatSecond(to)})`);
}
