import type { JsonReader } from './json-reader.ts';
import { QUOTE } from './json-tokens.ts';

/** Keys from the outside in, such as ['meta', 'time']; at least one. */
export type FieldPath = readonly string[];

/** Where a value is in a page: its first byte and the byte after its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A field found by a FieldScanner. */
interface Field extends Span {
  /** How deep it is nested: 0 for a scalar, 1 for an object or array that holds no other. */
  readonly depth: number;
}

/**
 * Reads an object to its end and finds some of its fields on the way. Of two equal keys the last one counts, as with
 * JSON.parse. A key may be written with escapes.
 */
export class FieldScanner<Name extends string = string> {
  readonly #fields: ReadonlyMap<Name, FoundField>;
  readonly #branch: Branch;

  constructor(paths: Readonly<Partial<Record<Name, FieldPath>>>) {
    const entries = Object.entries(paths) as [Name, FieldPath][];
    const wanted = entries.map(([name, path]) => ({ name, path, field: { start: -1, end: -1, depth: 0 } }));
    this.#fields = new Map(wanted.map(({ name, field }) => [name, field]));
    this.#branch = branchOf(wanted);
  }

  /** Reads the object at the reader's position. The fields stay known until the next scan. Throws JsonSyntaxError. */
  scan(reader: JsonReader): void {
    for (const field of this.#branch.below) field.start = -1;
    scanObject(reader, this.#branch);
  }

  /** The field of the object scanned last; undefined when the object does not have it. Good until the next scan. */
  field(name: Name): Field | undefined {
    const field = this.#fields.get(name);
    return field === undefined || field.start < 0 ? undefined : field;
  }
}

interface FoundField {
  /** -1 when it is not there. */
  start: number;
  end: number;
  depth: number;
}

/** The members of an object that are wanted or contain wanted fields. */
interface Branch {
  readonly keys: readonly Uint8Array[];
  readonly members: readonly Member[];
  /** All wanted fields inside the object. */
  readonly below: readonly FoundField[];
}

interface Member {
  /** Empty when only fields inside it are wanted. */
  readonly fields: readonly FoundField[];
  readonly branch: Branch | undefined;
}

interface Wanted {
  readonly path: FieldPath;
  readonly field: FoundField;
}

function branchOf(wanted: readonly Wanted[]): Branch {
  const names = [...new Set(wanted.map(({ path }) => path[0] ?? ''))];
  const members = names.map((name): Member => {
    const same = wanted.filter(({ path }) => path[0] === name);
    const below = same.filter(({ path }) => path.length > 1).map(({ path, field }) => ({ path: path.slice(1), field }));
    return {
      fields: same.filter(({ path }) => path.length === 1).map(({ field }) => field),
      branch: below.length === 0 ? undefined : branchOf(below),
    };
  });
  return { keys: names.map((name) => Buffer.from(name)), members, below: wanted.map(({ field }) => field) };
}

function scanObject(reader: JsonReader, { keys, members }: Branch): void {
  let deepest = 0;
  for (let more = reader.enterObject(); more; more = reader.nextMember()) {
    const index = reader.keyAmong(keys);
    const member = index < 0 ? undefined : members[index];
    if (member === undefined) {
      reader.skipValue();
    } else {
      const start = reader.pos;
      const { branch, fields } = member;
      if (branch !== undefined) for (const field of branch.below) field.start = -1;
      if (branch !== undefined && reader.type() === 'object') scanObject(reader, branch);
      else reader.skipValue();
      for (const field of fields) found(field, start, reader);
    }
    if (reader.depth > deepest) deepest = reader.depth;
  }
  reader.depth = deepest + 1;
}

function found(field: FoundField, start: number, { pos, depth }: JsonReader): void {
  field.start = start;
  field.end = pos;
  field.depth = depth;
}

/** The text of the string at the span; undefined when the span holds another type. */
export function stringAt(json: Uint8Array, span: Span): string | undefined {
  return json[span.start] === QUOTE ? (JSON.parse(textAt(json, span)) as string) : undefined;
}

/** The JSON text of the span. */
export function textAt(json: Uint8Array, { start, end }: Span): string {
  return Buffer.from(json.buffer, json.byteOffset + start, end - start).toString();
}
