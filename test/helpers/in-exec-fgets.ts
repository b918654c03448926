const NEWLINE = 0x0a;
const NUL = 0x00;

/**
 * Cuts a stream as `while (fgets(buf, size, stream))` does: at each line break, and after `size - 1` bytes without one.
 * What comes out is what a C string then holds: nothing after a NUL, and no line break at its end.
 */
export class Fgets {
  readonly #size: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(size: number) {
    this.#size = size;
  }

  push(chunk: Buffer): string[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const pieces: string[] = [];
    for (let length = this.#next(); length > 0; length = this.#next()) {
      pieces.push(asString(this.#rest.subarray(0, length)));
      this.#rest = this.#rest.subarray(length);
    }
    return pieces;
  }

  /** What stands before the end without a line break; it counts as a line, too. */
  end(): string[] {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest.length === 0 ? [] : [asString(rest)];
  }

  #next(): number {
    const most = this.#size - 1;
    const lineBreak = this.#rest.indexOf(NEWLINE);
    if (lineBreak !== -1 && lineBreak < most) return lineBreak + 1;
    return this.#rest.length >= most ? most : 0;
  }
}

function asString(piece: Buffer): string {
  const nul = piece.indexOf(NUL);
  const text = nul === -1 ? piece : piece.subarray(0, nul);
  return (text.at(-1) === NEWLINE ? text.subarray(0, -1) : text).toString('utf8');
}
