import type { ExportRange } from '../config/export-request.ts';
import type { ProcessIdentity } from '../lib/process-identity.ts';
import { InvalidStateError, parseState, serializeState, type State } from '../state/state.ts';

const VERSION = 1;

/** What stands beside a partial file: which export it is of, and how far that got. */
export interface ExportRecord {
  /** How much of the partial file counts; what is behind it was not noted any more. */
  readonly bytes: number;
  /** Who writes to it; null when nobody does. */
  readonly owner: ProcessIdentity | null;
  readonly range: ExportRange;
  /** What else decides which bytes are exported, by the name of its option. */
  readonly parameters: Readonly<Record<string, string>>;
  /** In the form of the state file: for each source its cursor, and the events that came already from then on. */
  readonly state: State;
}

/** Two lines of JSON, the second one as in a state file. */
export function serializeRecord({ state, ...head }: ExportRecord): string {
  return `${JSON.stringify({ version: VERSION, ...head })}\n${serializeState(state)}`;
}

/** Throws InvalidStateError when the text is not of that form. */
export function parseRecord(text: string): ExportRecord {
  const end = text.indexOf('\n');
  const { version, bytes, owner, range, parameters } = object(parseJson(text.slice(0, end)));
  const { from, to, given } = object(range);
  const { from: fromText, to: toText } = object(given);
  if (version !== VERSION) throw new InvalidStateError(`its version is not ${VERSION}`);
  if (!isCount(bytes) || !isCount(from) || !isCount(to)) throw new InvalidStateError('a number is missing');
  if (typeof fromText !== 'string' || !(toText === null || typeof toText === 'string')) {
    throw new InvalidStateError('its range is missing');
  }
  return {
    bytes,
    owner: owner === null ? null : parseOwner(object(owner)),
    range: { from, to, given: { from: fromText, to: toText } },
    parameters: Object.fromEntries(Object.entries(object(parameters)).map(([name, value]) => [name, String(value)])),
    state: parseState(text.slice(end + 1)),
  };
}

/** In what two exports are different, for people; undefined when one can go on with what the other began. */
export function differenceOf(
  left: Pick<ExportRecord, 'range' | 'parameters'>,
  wanted: Pick<ExportRecord, 'range' | 'parameters'>,
): string | undefined {
  for (const end of ['from', 'to'] as const) {
    const [there, here] = [left.range, wanted.range];
    if (there.given[end] !== here.given[end] && there[end] !== here[end]) {
      return `--${end} was ${there.given[end] ?? 'not given'}, not ${here.given[end] ?? 'left out'}`;
    }
  }
  for (const [name, here] of Object.entries(wanted.parameters)) {
    const there = left.parameters[name] ?? '';
    if (there !== here) return `--${name} was ${shown(there)}, not ${shown(here)}`;
  }
  return undefined;
}

function shown(value: string): string {
  return value === '' ? 'not given' : value;
}

function parseOwner({ pid, host, boot, started, since }: Record<string, unknown>): ProcessIdentity {
  const isWhole = typeof boot === 'string' && typeof started === 'string' && typeof since === 'number';
  if (typeof pid !== 'number' || typeof host !== 'string' || !isWhole)
    throw new InvalidStateError('its owner is broken');
  return { pid, host, boot, started, since };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidStateError('it is not JSON');
  }
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidStateError('a part of it is missing');
  }
  return value as Record<string, unknown>;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
