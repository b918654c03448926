import { COLON, endOfScalar, isScalarAt, skipSpace, viewOf } from './json-tokens.ts';

/** Where the fields of an object stand: for each, by its index, its first byte and the byte behind its last. */
export interface Fields {
  /** -1 for a field that is not there. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** How deep each is nested. */
  readonly depths: Int32Array;
}

/** An object with more scalars, or with a longer piece, is not learnt. */
const MAX_SCALARS = 256;
const MAX_PIECE_BYTES = 1024;
/** So many pieces are learnt in one place, and in all: keys that differ each time would fill the memory. */
const MAX_ALTERNATIVES = 16;
const MAX_PIECES = 1000;
/** What it costs to find that an object has no known shape, if it saves 1 to find that it has one (measured). */
const MISS_COST = 3;
/** At such a loss, so many objects are not looked at. */
const MAX_LOSS = 100;
const REST = 2000;

/**
 * The shapes of the objects that came before. A shape is all that stands around an object's scalar values: its keys,
 * brackets, commas and blanks. The events of an API have few of them, as a rule, and what has a known shape is read in
 * half the time: it is JSON if its scalars are, and its fields stand where they stood. There is nothing to look at but
 * whether bytes are equal, four at once, and the scalars. What shapes have in common at their beginning is kept once:
 * the pieces between the scalars make a tree.
 */
export class Shapes {
  readonly #fields: Fields;
  readonly #first: Piece[] = [];
  #pieces = 0;
  /** Where the object at hand begins, then where each of its scalars ends. */
  readonly #anchors = new Int32Array(1 + MAX_SCALARS);
  #loss = 0;
  /** So many objects are not to be looked at. */
  #rest = 0;

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  /**
   * The end of the object at `at`, with its fields filled in, when its shape is known; -1 otherwise. Throws
   * JsonSyntaxError where one of its scalars is none.
   */
  match(json: Uint8Array, at: number): number {
    if (this.#rest > 0) {
      this.#rest--;
      return -1;
    }
    const end = this.#match(json, at);
    this.#loss = end < 0 ? this.#loss + MISS_COST : Math.max(0, this.#loss - 1);
    if (this.#loss >= MAX_LOSS) {
      this.#loss = 0;
      this.#rest = REST;
    }
    return end;
  }

  /**
   * What went before is equal to what was JSON but for its scalars, so the grammar is in the same state as it was then:
   * where a piece ended, a value is due, and of the pieces only one can go on to it. An error is the one that a reader
   * who knows no shapes would come to.
   */
  #match(json: Uint8Array, at: number): number {
    const view = viewOf(json);
    let alternatives = this.#first;
    let scalars = 0;
    let p = at;
    for (;;) {
      this.#anchors[scalars++] = p;
      const piece = pieceAt(json, view, p, alternatives);
      if (piece === undefined) return -1;
      p += piece.length;
      if (piece.positions !== undefined) {
        this.#fill(piece.positions);
        return p;
      }
      p = endOfScalar(json, p);
      alternatives = piece.following;
    }
  }

  #fill(positions: readonly Position[]): void {
    const { starts, ends, depths } = this.#fields;
    const anchors = this.#anchors;
    for (let slot = 0; slot < starts.length; slot++) starts[slot] = -1;
    for (const { slot, startAnchor, startOffset, endAnchor, endOffset, depth } of positions) {
      starts[slot] = (anchors[startAnchor] ?? 0) + startOffset;
      ends[slot] = (anchors[endAnchor] ?? 0) + endOffset;
      depths[slot] = depth;
    }
  }

  /** Takes note of the shape of the object from `start` to `end`, which is valid and has its fields filled in. */
  learn(json: Uint8Array, start: number, end: number): void {
    if (this.#rest > 0) return;
    const scalars = scalarsIn(json, start, end);
    if (scalars === undefined) return;
    const anchors = [start, ...scalars.map((scalar) => scalar.end)];
    let alternatives = this.#first;
    for (const [index, scalar] of scalars.entries()) {
      const piece = this.#piece(json, anchors[index] ?? 0, scalar.start, alternatives);
      if (piece === undefined) return;
      alternatives = piece.following;
    }
    const last = this.#piece(json, anchors.at(-1) ?? 0, end, alternatives);
    if (last !== undefined) last.positions = positionsOf(this.#fields, anchors);
  }

  /** The alternative with these bytes, which is added if need be; undefined where there is no room for it. */
  #piece(json: Uint8Array, start: number, end: number, alternatives: Piece[]): Piece | undefined {
    for (const piece of alternatives) {
      if (piece.length === end - start && standsAt(piece, json, viewOf(json), start)) return piece;
    }
    if (alternatives.length === MAX_ALTERNATIVES || this.#pieces === MAX_PIECES) return undefined;
    const piece = pieceOf(json.subarray(start, end));
    alternatives.push(piece);
    this.#pieces++;
    return piece;
  }
}

/** What stands before the first scalar of an object, between two of them, or behind the last. */
interface Piece {
  readonly length: number;
  /** Its bytes by fours, as many as there are. */
  readonly words: Int32Array;
  /** The bytes that are left. */
  readonly rest: Uint8Array;
  /** What came behind the scalar that follows; nothing does where the object ends. */
  readonly following: Piece[];
  /** Only where the object ends: where its fields stand. */
  positions: readonly Position[] | undefined;
}

/** Where a field stands: so many bytes behind an anchor. */
interface Position {
  readonly slot: number;
  readonly startAnchor: number;
  readonly startOffset: number;
  readonly endAnchor: number;
  readonly endOffset: number;
  readonly depth: number;
}

/** The one of these pieces that stands at `at`. */
function pieceAt(json: Uint8Array, view: DataView, at: number, alternatives: readonly Piece[]): Piece | undefined {
  for (const piece of alternatives) {
    if (!standsAt(piece, json, view, at)) continue;
    // Where no scalar follows but an object, a list or a list's end, it is only the beginning of another piece.
    if (piece.positions !== undefined || isScalarAt(json, at + piece.length)) return piece;
  }
  return undefined;
}

function standsAt({ length, words, rest }: Piece, json: Uint8Array, view: DataView, at: number): boolean {
  if (at + length > json.length) return false;
  let p = at;
  for (let i = 0; i < words.length; i++, p += 4) if (view.getInt32(p, true) !== words[i]) return false;
  for (let i = 0; i < rest.length; i++, p++) if (json[p] !== rest[i]) return false;
  return true;
}

function pieceOf(bytes: Uint8Array): Piece {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words = Int32Array.from({ length: bytes.length >> 2 }, (_, index) => view.getInt32(4 * index, true));
  const rest = Uint8Array.from(bytes.subarray(4 * words.length)); // a copy, which slice() of a Buffer is not
  return { length: bytes.length, words, rest, following: [], positions: undefined };
}

function positionsOf({ starts, ends, depths }: Fields, anchors: readonly number[]): Position[] {
  const before = (offset: number) => anchors.findLastIndex((anchor) => anchor <= offset);
  const positions: Position[] = [];
  for (const [slot, start] of starts.entries()) {
    if (start < 0) continue;
    const end = ends[slot] ?? 0;
    const [startAnchor, endAnchor] = [before(start), before(end)];
    const startOffset = start - (anchors[startAnchor] ?? 0);
    const endOffset = end - (anchors[endAnchor] ?? 0);
    positions.push({ slot, startAnchor, startOffset, endAnchor, endOffset, depth: depths[slot] ?? 0 });
  }
  return positions;
}

interface Scalar {
  readonly start: number;
  readonly end: number;
}

/** The scalars of a valid object; undefined where there are too many of them, or too much between two. */
function scalarsIn(json: Uint8Array, start: number, end: number): Scalar[] | undefined {
  const scalars: Scalar[] = [];
  let pieceStart = start;
  for (let p = start; p < end;) {
    if (p - pieceStart > MAX_PIECE_BYTES) return undefined;
    if (!isScalarAt(json, p)) {
      p++;
      continue;
    }
    const scalarEnd = endOfScalar(json, p);
    const isKey = json[skipSpace(json, scalarEnd)] === COLON;
    if (!isKey) {
      if (scalars.length === MAX_SCALARS) return undefined;
      scalars.push({ start: p, end: scalarEnd });
      pieceStart = scalarEnd;
    }
    p = scalarEnd;
  }
  return scalars;
}
