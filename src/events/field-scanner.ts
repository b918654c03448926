import {
  CLOSE_OBJECT,
  depthOfLastValue,
  endOfValue,
  startOfMemberValue,
  startOfMembers,
  startOfNext,
  typeAt,
} from './json-values.ts';
import { BACKSLASH, endOfString } from './json-tokens.ts';

/** Keys from the outside in, such as ['meta', 'time']. */
export type FieldPath = readonly string[];

/** Where a value stands in a page: its first byte and the byte behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds the end of an object and, on the way, some of its fields. Of two equal keys the last one counts, as with
 * JSON.parse. A key may be written with escapes. The path without keys is the object itself.
 */
export class FieldScanner {
  readonly #root: Branch;
  readonly #itself: readonly number[];
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #depths: Int32Array;
  /** How deep the value that was scanned last is nested. */
  #depth = 0;

  constructor(paths: readonly FieldPath[]) {
    this.#starts = new Int32Array(paths.length);
    this.#ends = new Int32Array(paths.length);
    this.#depths = new Int32Array(paths.length);
    const wanted = paths.map((path, slot) => ({ path, slot }));
    this.#itself = wanted.filter(({ path }) => path.length === 0).map(({ slot }) => slot);
    this.#root = branchOf(wanted.filter(({ path }) => path.length > 0));
  }

  /** The end of the object at `at`. The fields stay known until the next scan. Throws JsonSyntaxError. */
  scan(json: Uint8Array, at: number): number {
    for (let slot = 0; slot < this.#starts.length; slot++) this.#starts[slot] = -1;
    const end = this.#object(json, at, this.#root);
    for (const slot of this.#itself) this.#found(slot, at, end);
    return end;
  }

  /** Where the path with this index begins in the object scanned last; -1 when it is not there. */
  start(index: number): number {
    return this.#starts[index] ?? -1;
  }

  /** Where it ends, if it is there. */
  end(index: number): number {
    return this.#ends[index] ?? -1;
  }

  /** How deep it is nested, if it is there: 0 for one that is no object and no array, 1 for one that holds no other. */
  depth(index: number): number {
    return this.#depths[index] ?? 0;
  }

  /** Where it stands, if it is there. */
  field(index: number): Span | undefined {
    const start = this.start(index);
    return start < 0 ? undefined : { start, end: this.end(index) };
  }

  #object(json: Uint8Array, at: number, { keys, fields }: Branch): number {
    let deepest = 0;
    let p = startOfMembers(json, at);
    while (json[p] !== CLOSE_OBJECT) {
      const keyEnd = endOfString(json, p);
      const value = startOfMemberValue(json, keyEnd);
      const index = indexOfKey(json, p + 1, keyEnd - 1, keys);
      const field = index < 0 ? undefined : fields[index];
      if (field !== undefined) for (const slot of field.slotsBelow) this.#starts[slot] = -1;
      let end: number;
      if (field?.branch !== undefined && typeAt(json, value) === 'object') {
        end = this.#object(json, value, field.branch);
      } else {
        end = endOfValue(json, value);
        this.#depth = depthOfLastValue;
      }
      if (field !== undefined) for (const slot of field.slots) this.#found(slot, value, end);
      if (this.#depth > deepest) deepest = this.#depth;
      p = startOfNext(json, end, CLOSE_OBJECT);
    }
    this.#depth = deepest + 1;
    return p + 1;
  }

  #found(slot: number, start: number, end: number): void {
    this.#starts[slot] = start;
    this.#ends[slot] = end;
    this.#depths[slot] = this.#depth;
  }
}

/** The members of an object that are wanted, or have something below them that is. */
interface Branch {
  readonly keys: readonly Uint8Array[];
  readonly fields: readonly Field[];
}

interface Field {
  /** The indexes of its own path; none when only something below it is wanted. */
  readonly slots: readonly number[];
  readonly slotsBelow: readonly number[];
  readonly branch: Branch | undefined;
}

function branchOf(wanted: readonly { path: FieldPath; slot: number }[]): Branch {
  const names = [...new Set(wanted.map(({ path }) => path[0] ?? ''))];
  const fields = names.map((name): Field => {
    const same = wanted.filter(({ path }) => path[0] === name);
    const below = same.filter(({ path }) => path.length > 1).map(({ path, slot }) => ({ path: path.slice(1), slot }));
    return {
      slots: same.filter(({ path }) => path.length === 1).map(({ slot }) => slot),
      slotsBelow: below.map(({ slot }) => slot),
      branch: below.length === 0 ? undefined : branchOf(below),
    };
  });
  return { keys: names.map((name) => Buffer.from(name)), fields };
}

/** Which of `names` the key is, or -1. */
export function indexOfKey(json: Uint8Array, start: number, end: number, names: readonly Uint8Array[]): number {
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (name?.length === end - start && isAt(json, start, name)) return i;
  }
  for (let p = start; p < end; p++) {
    if (json[p] !== BACKSLASH) continue;
    const key = Buffer.from(stringAt(json, { start: start - 1, end: end + 1 }) ?? '');
    return names.findIndex((name) => key.equals(name));
  }
  return -1;
}

function isAt(json: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (json[at + i] !== name[i]) return false;
  return true;
}

/** The text of the string that the span holds, or undefined when it holds another type. */
export function stringAt(json: Uint8Array, { start, end }: Span): string | undefined {
  if (typeAt(json, start) !== 'string') return undefined;
  return JSON.parse(textAt(json, { start, end })) as string;
}

/** The bytes of the span as they stand, decoded. */
export function textAt(json: Uint8Array, { start, end }: Span): string {
  return Buffer.from(json.buffer, json.byteOffset + start, end - start).toString();
}
