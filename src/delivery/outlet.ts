import type { Writable } from 'node:stream';
import { StdoutError, codeOf, messageOf } from '../lib/errors.ts';

/** The capacity of a pipe (pipe(7)). Writing can stop only between chunks, which end with a line. */
const CHUNK_BYTES = 64 * 1024;
const LF = 0x0a;

/** Writes lines to stdout, as fast as the reader takes them. */
export class Outlet {
  readonly #stream: Writable;
  #error: Error | undefined;
  #onError: (error: Error) => void = () => undefined;
  #onAbandon: () => void = () => undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', this.#noteError);
  }

  readonly #noteError = (error: Error): void => {
    this.#error ??= error;
    this.#onError(this.#error);
  };

  /** Stops listening to the stream. */
  close(): void {
    this.#stream.off('error', this.#noteError);
  }

  /**
   * Writes whole lines and waits until the pipe has taken their last byte. Once `wrapUp` is aborted, it stops at the end
   * of a line; once `giveUp` is aborted, it abandons stdout. Returns how many bytes are certainly written: whole lines.
   * Throws StdoutError when stdout is closed or cannot be written to.
   */
  async print(lines: Buffer, giveUp: AbortSignal, wrapUp = giveUp): Promise<number> {
    const abandon = () => {
      this.#stream.destroy();
      this.#onAbandon();
    };
    giveUp.addEventListener('abort', abandon, { once: true });
    try {
      let written = 0;
      while (written < lines.length && !wrapUp.aborted) {
        const chunk = lines.subarray(written, endOfChunk(lines, written));
        if (!(await this.#write(chunk))) break;
        written += chunk.length;
      }
      return written;
    } finally {
      giveUp.removeEventListener('abort', abandon);
    }
  }

  /** False when stdout was abandoned. */
  async #write(chunk: Buffer): Promise<boolean> {
    if (this.#error !== undefined) throw closed(this.#error);
    return new Promise((resolve, reject) => {
      const settle = (error: Error | null | undefined) => {
        if (error === null || error === undefined) resolve(true);
        else reject(closed(error));
      };
      this.#onAbandon = () => resolve(false);
      this.#onError = settle;
      this.#stream.write(chunk, settle);
    });
  }
}

/** The end of the lines that fit into a chunk, or of the first line when it is longer than a chunk. */
function endOfChunk(lines: Buffer, start: number): number {
  if (lines.length - start <= CHUNK_BYTES) return lines.length;
  const last = lines.subarray(start, start + CHUNK_BYTES).lastIndexOf(LF);
  return last >= 0 ? start + last + 1 : lines.indexOf(LF, start) + 1;
}

function closed(error: Error): StdoutError {
  const message =
    codeOf(error) === 'EPIPE'
      ? 'stdout was closed before everything was printed'
      : `cannot write to stdout: ${messageOf(error)}`;
  return new StdoutError(message, error);
}
