import { error, lineIn, warning, type Finding, type Level } from '../finding.ts';
import { type Entry, type FluentBitConfig, type Position } from '../fluent-bit-config/model.ts';
import { truth } from '../fluent-bit-config/values.ts';

/** A key that must be on or off. A new rule of this kind is a row in SWITCHES. */
interface Switch {
  readonly code: string;
  readonly level: Exclude<Level, 'ok'>;
  readonly must: 'On' | 'Off';
  /** The message for a wrong value; by default, the key and its value. */
  readonly message?: string;
  readonly impact: string;
}

/** Keys as written; all of them are off by default. */
const SWITCHES = {
  Threaded: {
    code: 'threaded',
    level: 'warning',
    must: 'On',
    impact: 'while the script runs, Fluent Bit sends, accepts and counts nothing',
  },
  Oneshot: { code: 'oneshot', level: 'error', must: 'Off', impact: 'it runs only once' },
  Exit_After_Oneshot: { code: 'oneshot', level: 'error', must: 'Off', impact: 'it runs only once' },
  'storage.pause_on_chunks_overlimit': {
    code: 'storage-pause',
    level: 'warning',
    must: 'Off',
    message: 'storage.pause_on_chunks_overlimit pauses the input when too much is waiting',
    impact: 'what a run prints meanwhile is dropped; with --ack-url it is delivered later',
  },
  'storage.keep.rejected': {
    code: 'keep-rejected',
    level: 'error',
    must: 'On',
    impact: 'what a destination rejects (4xx, such as 401 for an expired key) is dropped at once',
  },
  Require_ack_response: {
    code: 'forward-ack',
    level: 'error',
    must: 'On',
    impact: 'whatever is written to the connection counts as delivered, whether or not it is received',
  },
} as const satisfies Readonly<Record<string, Switch>>;

/** Where these keys belong: the entries there, and the place for a missing one. */
interface SwitchPlace {
  readonly entries: readonly Entry[];
  readonly at: Position | { readonly file: string };
}

/** The findings for these keys; when one is set more than once, the last value counts. */
export function checkSwitches(
  keys: readonly (keyof typeof SWITCHES)[],
  { entries, at }: SwitchPlace,
  config: FluentBitConfig,
): Finding[] {
  return keys.flatMap((key) => {
    const { code, level, must, impact, message }: Switch = SWITCHES[key];
    const entry = entries.findLast((one) => one.key === key.toLowerCase());
    if ((truth(entry?.value) === true) === (must === 'On')) return [];
    const found = message ?? (entry === undefined ? `${key} is not set` : `${key} ${entry.value}`);
    const details = { at: entry?.at ?? at, impact, fix: lineIn(config, key, must) };
    return [level === 'error' ? error(code, found, details) : warning(code, found, details)];
  });
}
