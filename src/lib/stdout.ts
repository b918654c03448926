import { fstatSync, ftruncateSync, readFileSync, statSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';

/** open(2), on Linux. */
const O_ACCMODE = 0o3;
const O_RDWR = 0o2;
const O_APPEND = 0o2000;
const DEFAULT_COLUMNS = 80;

/** The stream for stdout. An error reaches the callback of the write that met it; nobody needs to listen for it. */
export function openStdout(fd = 1): Writable {
  return streamFor(fd).on('error', () => undefined);
}

/** Whether this stream prints to a terminal. */
export function isTerminal(stream: Writable): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}

/** How many columns a terminal has; for another stream, and a terminal that does not know its width, 80. */
export function columnsOf(stream: Writable): number {
  const columns = 'columns' in stream && typeof stream.columns === 'number' ? stream.columns : 0;
  return columns > 0 ? columns : DEFAULT_COLUMNS;
}

function streamFor(fd: number): Writable {
  const stats = fstatSync(fd);
  // Unlike process.stdout it can be destroyed: a run that was asked to end must not wait for a reader that takes nothing.
  if (stats.isFIFO() || stats.isSocket()) return new Socket({ fd, readable: false, writable: true });
  if (isatty(fd)) return process.stdout;
  return isDiscarded(fd) ? new ClosedOutput() : new FileOutput(fd);
}

/**
 * Writes to a file, down to the last byte: process.stdout takes the short write of a disk that becomes full for a whole
 * one. Where lines are appended, a write that fails is taken back, so that the next run does not continue half a line.
 */
class FileOutput extends Writable {
  readonly #fd: number;

  constructor(fd: number) {
    super();
    this.#fd = fd;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const { size } = fstatSync(this.#fd);
    let written = 0;
    try {
      while (written < chunk.length) written += writeSync(this.#fd, chunk, written);
      done();
    } catch (error) {
      if (written > 0) this.#takeBack(size, written);
      done(error as Error);
    }
  }

  /** Not where another process has appended meanwhile, nor where the next write would leave a hole. */
  #takeBack(size: number, written: number): void {
    const isLast = fstatSync(this.#fd).size === size + written;
    if (isLast && (openFlags(this.#fd) & O_APPEND) !== 0) ftruncateSync(this.#fd, size);
  }
}

class ClosedOutput extends Writable {
  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: (error: Error) => void): void {
    const like = "as subprocess.DEVNULL and stdio 'ignore' do";
    done(new Error(`it is closed, or discarded by what started the program (${like}): give it a pipe or a file`));
  }
}

/**
 * Whether output goes nowhere without anybody asking for that. Node opens /dev/null for reading and writing where stdout
 * is closed, and so do programs that discard what their child prints, with the same flags: the two cannot be told
 * apart. A shell's `> /dev/null` is for writing only.
 */
function isDiscarded(fd: number): boolean {
  const isDevNull = fstatSync(fd).rdev === statSync('/dev/null').rdev;
  return isDevNull && (openFlags(fd) & O_ACCMODE) === O_RDWR;
}

/** The flags that a descriptor was opened with, from /proc/[pid]/fdinfo (proc(5)); 0 where there is no such file. */
function openFlags(fd: number): number {
  try {
    const [, flags = '0'] = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
    return parseInt(flags, 8);
  } catch {
    return 0;
  }
}
