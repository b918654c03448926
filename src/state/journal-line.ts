import { EventId } from '../events/event-id.ts';
import { ShapeError, count, object, parseJson, text, textOrNull } from '../lib/narrow.ts';
import type { ReusableMemory } from '../lib/reusable-memory.ts';
import { ENTRY_KINDS, type Batch, type EntryKind } from './batch.ts';
import { parseRest, type BatchRecord } from './batch-record.ts';
import type { IdGroups } from './id-groups.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const CLOSE = 0x7d;
/** What comes between the name of a kind and its first second. */
const GROUP_START = Buffer.from('":{"');

/** What a line says about a source: a batch, where it starts when it is registered, or that it is forgotten. */
export type SourceRecord = Omit<BatchRecord, EntryKind> & {
  readonly start?: string;
  readonly forgotten?: true;
  readonly ids?: ReadonlyMap<EntryKind, IdGroups>;
};

/** A commit as it is written. */
export interface Commit {
  /** 1, 2, 3, … without a gap. */
  readonly seq: number;
  /** When it was committed, RFC 3339. */
  readonly at: string;
  /** SHA-256 of the line before, in hexadecimal digits. */
  readonly prev: string;
  readonly sources: Readonly<Record<string, SourceRecord>>;
}

/** A line that was read. Ids are parsed only when they are asked for: most are skipped. */
export interface JournalLine extends Omit<Commit, 'sources'> {
  readonly sources: ReadonlyMap<string, LineOfSource>;
}

export interface LineOfSource {
  /** Without its entries. */
  readonly batch: Batch;
  /** Where the source starts; null when the line does not say. */
  readonly start: string | null;
  /** The source was retired with this line. */
  readonly isForgotten: boolean;
  /** Calls `visit` with each id of a second that `wants` accepts. Throws ShapeError. */
  readonly forEachId: (
    visit: (id: EventId, second: number, kind: EntryKind) => void,
    wants?: (second: number, kind: EntryKind) => boolean,
  ) => void;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** The line, with its line break, in this memory. */
export function serializeLine({ sources, ...head }: Commit, memory: ReusableMemory): Buffer {
  const parts: (string | IdGroups)[] = [JSON.stringify({ ...head, sources: {} }).slice(0, -2)];
  let [separator, end] = ['', 0];
  for (const [name, { ids, ...rest }] of Object.entries(sources)) {
    const record = JSON.stringify(rest).slice(0, -1);
    parts.push(`${separator}${JSON.stringify(name)}:${record}`);
    separator = record === '{' ? '' : ',';
    for (const [kind, groups] of ids ?? []) {
      parts.push(`${separator}"${kind}":`, groups);
      separator = ',';
    }
    parts.push('}');
    separator = ',';
  }
  parts.push('}}\n');
  const maxBytes = parts.reduce((sum, part) => sum + (typeof part === 'string' ? 3 * part.length : part.maxBytes), 0);
  const line = memory.ensureCapacity(maxBytes);
  for (const part of parts) end = typeof part === 'string' ? end + line.write(part, end) : part.write(line, end);
  return line.subarray(0, end);
}

/** Reads a line, without its line break. Throws ShapeError when it is not one. */
export function parseLine(line: Buffer): JournalLine {
  const groups: Span[] = [];
  const document = object(parseJson(skeletonOf(line, groups)), 'the line');
  const sources = new Map<string, LineOfSource>();
  for (const [name, value] of Object.entries(object(document['sources'], 'sources'))) {
    sources.set(name, lineOfSource(line, groups, object(value, name), name));
  }
  return {
    seq: count(document['seq'], 'seq'),
    at: text(document['at'], 'at'),
    prev: text(document['prev'], 'prev'),
    sources,
  };
}

/** Reads a line and passes it to `visit`. Returns the ShapeError when it, or an id in it, cannot be read. */
export function visitLine(bytes: Buffer, visit: (line: JournalLine) => void): JournalLine | ShapeError {
  try {
    const line = parseLine(bytes);
    visit(line);
    return line;
  } catch (error) {
    if (error instanceof ShapeError) return error;
    throw error;
  }
}

function lineOfSource(
  line: Buffer,
  groups: readonly Span[],
  record: Record<string, unknown>,
  name: string,
): LineOfSource {
  const spans = ENTRY_KINDS.flatMap((kind) => {
    const index = record[kind];
    if (index === undefined) return [];
    const span = groups[count(index, `${name}.${kind}`)];
    if (span === undefined) throw new ShapeError(`${name}.${kind} is not a group of ids`);
    return [{ kind, span }];
  });
  return {
    batch: parseRest(record, name),
    start: textOrNull(record['start'], `${name}.start`),
    isForgotten: record['forgotten'] === true,
    forEachId: (visit, wants = () => true) => {
      for (const { kind, span } of spans) {
        walkGroups(line, span.start, {
          wants: (second) => wants(second, kind),
          visit: (id, second) => visit(id, second, kind),
        });
      }
    },
  };
}

/** The line's text, with each group of ids replaced by its index in `groups`. */
function skeletonOf(line: Buffer, groups: Span[]): string {
  let skeleton = '';
  let copied = 0;
  for (let at = line.indexOf(GROUP_START); at >= 0; at = line.indexOf(GROUP_START, at)) {
    const start = at + 2;
    const name = line.toString('latin1', line.lastIndexOf(QUOTE, at - 1) + 1, at);
    if (!(ENTRY_KINDS as readonly string[]).includes(name)) {
      at = start;
      continue;
    }
    const end = walkGroups(line, start);
    skeleton += `${line.toString('utf8', copied, start)}${groups.length}`;
    groups.push({ start, end });
    copied = end;
    at = end;
  }
  return skeleton + line.toString('utf8', copied);
}

interface Visitor {
  readonly wants: (second: number) => boolean;
  readonly visit: (id: EventId, second: number) => void;
}

/** Walks `{"<second>":["<id>",…],…}` from its opening brace and returns its end. Throws ShapeError. */
function walkGroups(line: Buffer, start: number, visitor?: Visitor): number {
  for (let at = start; ;) {
    if ((at !== start && line[at] !== COMMA) || line[at + 1] !== QUOTE) throw broken(at);
    const keyEnd = line.indexOf(QUOTE, at + 2);
    const second = Number(line.toString('latin1', at + 2, keyEnd));
    if (keyEnd < 0 || !Number.isInteger(second) || line[keyEnd + 1] !== COLON || line[keyEnd + 2] !== OPEN_LIST) {
      throw broken(at);
    }
    at =
      visitor?.wants(second) === true ? visitIds(line, keyEnd + 2, second, visitor) : line.indexOf(CLOSE_LIST, keyEnd);
    if (at < 0) throw broken(keyEnd);
    at++;
    if (line[at] === CLOSE) return at + 1;
  }
}

/** Visits the ids of a list and returns where its closing bracket is. */
function visitIds(line: Buffer, list: number, second: number, { visit }: Visitor): number {
  for (let at = list; ;) {
    if (line[at + 1] !== QUOTE) throw broken(at);
    const end = line.indexOf(QUOTE, at + 2);
    const id = end < 0 ? undefined : EventId.parse(line, at + 2, end);
    if (id === undefined) throw broken(at);
    visit(id, second);
    at = end + 1;
    if (line[at] === CLOSE_LIST) return at;
    if (line[at] !== COMMA) throw broken(at);
  }
}

function broken(at: number): ShapeError {
  return new ShapeError(`its ids cannot be read at byte ${at}`);
}
