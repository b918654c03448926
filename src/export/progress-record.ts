import { readFile } from 'node:fs/promises';
import type { ExportRange } from '../config/export-request.ts';
import { ConfigError, LockedError } from '../lib/errors.ts';
import { ShapeError, count, countOrNull, object, parseJson, text, textOrNull, unexpected } from '../lib/narrow.ts';
import { identityIn, isAlive, type ProcessIdentity } from '../lib/process-identity.ts';
import { ifThere } from '../lib/read-file.ts';
import { parseState } from '../state/parse-state.ts';
import { serializeState, type State } from '../state/state.ts';

const VERSION = 1;

/** What decides which bytes an export writes. */
export interface ExportKey {
  readonly range: ExportRange;
  /** Everything else, by the name of its option. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** What is known about the events written for one source. */
export interface SourceTally {
  /** Epoch milliseconds. */
  first: number | null;
  last: number | null;
  /** How many events the API counted, and up to which cursor. */
  counted: number;
  countedUpTo: string | null;
}

/** How far an export got, kept as JSON beside its partial file. */
interface ExportRecord extends ExportKey {
  /** How many bytes of the partial file are recorded; the rest is cut off before the export is resumed. */
  readonly bytes: number;
  /** The process that is writing it; null when none is. */
  readonly owner: ProcessIdentity | null;
  readonly tallies: Record<string, SourceTally>;
  /** As in the state file: the cursor of each source, and the events already written after it. */
  readonly state: State;
}

/** Two lines of JSON, the second one as in a state file. */
export function serializeRecord({ state, ...head }: ExportRecord): string {
  return `${JSON.stringify({ version: VERSION, ...head })}\n${serializeState(state, () => Infinity)}`;
}

/** Throws ShapeError when the text is not of that form. */
function parseRecord(document: string): ExportRecord {
  const end = document.indexOf('\n');
  const { version, bytes, owner, range, parameters, tallies } = object(parseJson(document.slice(0, end)), 'the record');
  if (version !== VERSION) throw unexpected('version', String(VERSION), version);
  const { from, to, given } = object(range, 'range');
  const written = object(given, 'range.given');
  return {
    bytes: count(bytes, 'bytes'),
    owner: parseOwner(owner),
    range: {
      from: count(from, 'range.from'),
      to: count(to, 'range.to'),
      given: { from: text(written['from'], 'range.given.from'), to: textOrNull(written['to'], 'range.given.to') },
    },
    parameters: Object.fromEntries(
      Object.entries(object(parameters, 'parameters')).map(([name, value]) => [name, String(value)]),
    ),
    tallies: parseTallies(tallies),
    state: parseState(document.slice(end + 1)),
  };
}

/** Where an export keeps its record. */
export function recordName(part: string): string {
  return `${part}.json`;
}

/**
 * The record of a partial file of this size; undefined when the run that started it was killed before it wrote anything.
 * Throws ConfigError when there is none, or when it cannot be read.
 */
export async function readRecord(part: string, size: number): Promise<ExportRecord | undefined> {
  const document = await ifThere(readFile(recordName(part), 'utf8'));
  if (document === undefined && size === 0) return undefined;
  if (document === undefined) {
    throw new ConfigError(
      `--output: ${part} exists but ${recordName(part)} is missing, so the export cannot be resumed; move or remove it`,
    );
  }
  try {
    return parseRecord(document);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new ConfigError(`--output: cannot read ${recordName(part)}: ${error.message}; ${restartHint(part)}`);
  }
}

/** Throws ConfigError when this export cannot be resumed, LockedError while another process is writing it. */
export async function assertResumable(left: ExportRecord, part: string, size: number, key: ExportKey): Promise<void> {
  const { owner } = left;
  if (owner !== null && owner.pid !== process.pid && (await isAlive(owner)) === true) {
    throw new LockedError(`another export is writing ${part}: process ${owner.pid}`);
  }
  const difference = differenceOf(left, key);
  if (difference !== undefined) {
    throw new ConfigError(
      `--output: ${part} belongs to a different export (${difference}): finish it with its own options, ` +
        `choose another name, or ${restartHint(part)}`,
    );
  }
  if (size < left.bytes) {
    throw new ConfigError(`--output: ${part} has ${size} bytes, but ${left.bytes} were written; ${restartHint(part)}`);
  }
}

/** How to get rid of a partial export that cannot be resumed. */
export function restartHint(part: string): string {
  return `remove ${part} and ${recordName(part)} to start over`;
}

/** How two exports differ, for people; undefined when one can resume the other. */
function differenceOf(left: ExportKey, key: ExportKey): string | undefined {
  for (const end of ['from', 'to'] as const) {
    const [there, here] = [left.range, key.range];
    if (there.given[end] !== here.given[end] && there[end] !== here[end]) {
      return `--${end} was ${there.given[end] ?? 'not given'}, now ${here.given[end] ?? 'not given'}`;
    }
  }
  for (const [name, here] of Object.entries(key.parameters)) {
    const there = left.parameters[name] ?? '';
    if (there !== here) return `--${name} was ${shown(there)}, now ${shown(here)}`;
  }
  return undefined;
}

function shown(value: string): string {
  return value === '' ? 'not given' : value;
}

function parseTallies(value: unknown): Record<string, SourceTally> {
  return Object.fromEntries(
    Object.entries(object(value, 'tallies')).map(([name, one]) => {
      const { first, last, counted, countedUpTo } = object(one, `tallies.${name}`);
      return [
        name,
        {
          first: countOrNull(first, 'first'),
          last: countOrNull(last, 'last'),
          counted: count(counted, 'counted'),
          countedUpTo: textOrNull(countedUpTo, 'countedUpTo'),
        },
      ];
    }),
  );
}

function parseOwner(value: unknown): ProcessIdentity | null {
  const owner = identityIn(value) ?? null;
  if (owner === null && value !== null) throw unexpected('owner', 'a process', value);
  return owner;
}
