/** Keys from the outside in, such as ['meta', 'time']; at least one. */
export type FieldPath = readonly string[];

/** Where a value is in a page: its first byte and the byte after its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where a wanted field is in the object read last. */
export interface FoundField {
  /** -1 when the object does not have it. */
  start: number;
  end: number;
}

/** An object of which some members are wanted, or contain what is wanted. */
export interface WantedObject {
  /** How many containers its members are in: 1 for those of the outermost object, 0 in NOTHING. */
  readonly level: number;
  /** The member whose value it is, and the wanted object with that member; NOTHING around the outermost one. */
  readonly member: WantedMember | undefined;
  readonly outer: WantedObject | undefined;
  readonly keys: Buffer[];
  readonly members: WantedMember[];
  /** All that is wanted inside it, however deep. */
  readonly fields: FoundField[];
}

/** No member is wanted. */
export const NOTHING: WantedObject = {
  level: 0,
  member: undefined,
  outer: undefined,
  keys: [],
  members: [],
  fields: [],
};

/** A member that is wanted, or contains what is wanted. */
export interface WantedMember {
  readonly field: FoundField;
  /** What is wanted inside it. */
  inner: WantedObject;
}

/** An object of which nothing is wanted yet. */
export function wantedObject(outer = NOTHING, member?: WantedMember): WantedObject {
  return { level: outer.level + 1, member, outer, keys: [], members: [], fields: [] };
}

/** Adds a path to what is wanted of the object. Returns where its field will be noted. */
export function want(object: WantedObject, [name = '', ...below]: FieldPath): FoundField {
  const at = object.keys.findIndex((key) => key.equals(Buffer.from(name)));
  const member = object.members[at] ?? { field: { start: -1, end: -1 }, inner: NOTHING };
  if (at < 0) {
    object.keys.push(Buffer.from(name));
    object.members.push(member);
  }
  if (below.length > 0 && member.inner === NOTHING) member.inner = wantedObject(object, member);
  const field = below.length === 0 ? member.field : want(member.inner, below);
  object.fields.push(field);
  return field;
}

/** Nothing that is wanted of the object is found yet. */
export function forget({ fields }: WantedObject): void {
  for (const field of fields) field.start = -1;
}

/**
 * The wanted member with the key from `start` to `end`, noted as beginning at `value`; undefined when it is not wanted. Of
 * two equal keys the last one counts, as with JSON.parse.
 */
export function beginMember(
  { keys, members }: WantedObject,
  json: Buffer,
  start: number,
  end: number,
  isPlain: boolean,
  value: number,
): WantedMember | undefined {
  const index = indexOfKey(keys, json, start, end, isPlain);
  const member = index < 0 ? undefined : members[index]; // -1 would be looked up by name
  if (member === undefined) return undefined;
  forget(member.inner);
  member.field.start = value;
  return member;
}

/** Which of these names the key from `start` to `end` is, without its quotes; -1 for none. A plain one has no escapes. */
export function indexOfKey(
  names: readonly Uint8Array[],
  json: Buffer,
  start: number,
  end: number,
  isPlain: boolean,
): number {
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (name?.length === end - start && isAt(json, start, name)) return i;
  }
  if (isPlain) return -1;
  const key = Buffer.from(JSON.parse(json.toString('utf8', start - 1, end + 1)) as string);
  return names.findIndex((name) => key.equals(name));
}

function isAt(json: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (json[at + i] !== name[i]) return false;
  return true;
}
