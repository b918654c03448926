import { duration, MAX_TIMEOUT_MS, oneOf, settings, since, text, type Options } from './config.ts';
import { formatSecond } from './duration.ts';
import { ConfigError } from './errors.ts';

export const FORMATS = ['jsonl', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/** What `export` is asked for. */
export interface ExportRequest {
  /** Epoch seconds; `to` is exclusive and not in the future. */
  readonly from: number;
  readonly to: number;
  /** As they were written: `24h` is another instant each time, and the same wish. */
  readonly given: { readonly from: string; readonly to: string | null };
  /** Undefined: stdout. */
  readonly output: string | undefined;
  readonly format: Format;
  /** Infinity unless asked for: an export takes as long as it takes. */
  readonly deadlineMs: number;
}

/** Reads the options of `export`; none of them has an environment variable. Throws ConfigError. */
export function readExportRequest(options: Options, now: number): ExportRequest {
  const setting = settings(options, {});
  const fromText = setting('from', text, undefined);
  if (fromText === undefined) {
    throw new ConfigError('export needs a beginning, such as --from 24h or --from 2026-01-31T12:00:00Z');
  }
  const toText = setting('to', text, undefined) ?? null;
  const present = Math.floor(now / 1000);
  const from = Math.floor((setting('from', since, undefined)?.(now) ?? now) / 1000);
  const to = Math.min(Math.ceil((setting('to', since, undefined)?.(now) ?? now) / 1000), present);
  if (from >= to) {
    const end = toText === null ? 'the present' : '--to';
    throw new ConfigError(`--from (${formatSecond(from)}) must lie before ${end} (${formatSecond(to)})`);
  }
  const output = setting('output', text, undefined);
  if (setting('format', oneOf(FORMATS), 'jsonl') === 'csv' && options['add-fields'] !== undefined) {
    throw new ConfigError('--add-fields is for jsonl: the columns of csv are always the same');
  }
  return {
    from,
    to,
    given: { from: fromText, to: toText },
    output: output === '-' ? undefined : output,
    format: setting('format', oneOf(FORMATS), 'jsonl'),
    deadlineMs: setting('deadline', duration(1_000, MAX_TIMEOUT_MS), undefined) ?? Infinity,
  };
}
