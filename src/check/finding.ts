import type { Position, FluentBitConfig } from './fluent-bit-config/model.ts';

/** Without quotation marks, these have a special meaning in YAML. */
const YAML_SPECIAL = /^[\s&*!|>'"%@`#,[\]{}?:-]|: |\s#|\s$/;

/** `error`: events are lost, altered or not collected. `warning`: not yet, or it affects something else. */
export type Level = 'ok' | 'warning' | 'error';

/** One thing that `check` found. */
export interface Finding {
  readonly level: Level;
  /** Stable, for programs. */
  readonly code: string;
  readonly message: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** What it leads to. */
  readonly impact?: string;
  /** What to write or do instead. */
  readonly fix?: string;
  readonly command?: string;
}

export interface Details {
  readonly at?: Position | { readonly file: string } | undefined;
  readonly impact?: string | undefined;
  readonly fix?: string | undefined;
  readonly command?: string | undefined;
}

/** Something is in order. This and the others are lists of one finding, as the rules return them. */
export function ok(code: string, message: string, details: Details = {}): [Finding] {
  return finding('ok', code, message, details);
}

/** Something may cost events later, or affects something else. */
export function warning(code: string, message: string, details: Details): [Finding] {
  return finding('warning', code, message, details);
}

/** Something costs events. */
export function error(code: string, message: string, details: Details): [Finding] {
  return finding('error', code, message, details);
}

/** Something keeps all events from being collected. */
export function fatal(code: string, message: string, details: Omit<Details, 'impact'> = {}): [Finding] {
  return finding('error', code, message, { ...details, impact: 'nothing is collected' });
}

/** Something that this user is not allowed to look at. */
export function unseen(code: string, message: string, impact: string, at?: Details['at']): [Finding] {
  return finding('warning', code, message, { at, impact, command: 'sudo fetch-activity-logs check' });
}

function finding(level: Level, code: string, message: string, { at, impact, fix, command }: Details): [Finding] {
  return [
    {
      level,
      code,
      message,
      ...at,
      ...(impact === undefined ? {} : { impact }),
      ...(fix === undefined ? {} : { fix }),
      ...(command === undefined ? {} : { command }),
    },
  ];
}

/** A key and its value as a line of this configuration: `Buf_Size 2M`, or `buf_size: 2M` in YAML. */
export function lineIn({ format }: Pick<FluentBitConfig, 'format'>, key: string, value: string): string {
  if (format === 'classic') return `${key} ${value}`;
  return `${key.toLowerCase()}: ${YAML_SPECIAL.test(value) ? `'${value.replaceAll("'", "''")}'` : value}`;
}
