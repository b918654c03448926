import type { ExportRange } from '../config/export-request.ts';
import { count, object, parseJson, text, textOrNull, unexpected } from '../lib/narrow.ts';
import type { ProcessIdentity } from '../lib/process-identity.ts';
import { parseState, serializeState, type State } from '../state/state.ts';

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

/** Throws ShapeError when the text is not of that form. */
export function parseRecord(document: string): ExportRecord {
  const end = document.indexOf('\n');
  const { version, bytes, owner, range, parameters } = object(parseJson(document.slice(0, end)), 'the record');
  if (version !== VERSION) throw unexpected('version', String(VERSION), version);
  const { from, to, given } = object(range, 'range');
  const written = object(given, 'range.given');
  return {
    bytes: count(bytes, 'bytes'),
    owner: owner === null ? null : parseOwner(object(owner, 'owner')),
    range: {
      from: count(from, 'range.from'),
      to: count(to, 'range.to'),
      given: { from: text(written['from'], 'range.given.from'), to: textOrNull(written['to'], 'range.given.to') },
    },
    parameters: Object.fromEntries(
      Object.entries(object(parameters, 'parameters')).map(([name, value]) => [name, String(value)]),
    ),
    state: parseState(document.slice(end + 1)),
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
  return {
    pid: count(pid, 'owner.pid'),
    host: text(host, 'owner.host'),
    boot: text(boot, 'owner.boot'),
    started: text(started, 'owner.started'),
    since: count(since, 'owner.since'),
  };
}
