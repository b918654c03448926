import type { LogLevel } from './log.ts';
import type { Terminal, World } from './world.ts';

/** The line is redrawn at most this often. */
const REDRAW_MS = 200;
const DEFAULT_COLUMNS = 80;
const CLEAR = '\r\u001b[K';

/** Undefined without a terminal, and when quiet. */
export function progressLine(world: World, logLevel: LogLevel): ProgressLine | undefined {
  const isQuiet = logLevel === 'error' || logLevel === 'warn';
  return world.terminal === undefined || isQuiet ? undefined : new ProgressLine(world.terminal, world);
}

/** One line at the bottom of a terminal that is redrawn in place; messages are printed above it. */
export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #write: (text: string) => void;
  readonly #monotonic: () => number;
  #drawnAt = -Infinity;
  #isShown = false;

  constructor(terminal: Terminal, { log: { write }, monotonic }: Pick<World, 'log' | 'monotonic'>) {
    this.#terminal = terminal;
    this.#write = write;
    this.#monotonic = monotonic;
  }

  /** Shows what `render` returns, unless the line was just redrawn. */
  update(render: () => string): void {
    if (this.#monotonic() - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = this.#monotonic();
    this.#isShown = true;
    // A wrapped line could not be erased. A terminal that does not know its width reports 0.
    const { columns } = this.#terminal;
    this.#write(`${CLEAR}${render().slice(0, (columns > 0 ? columns : DEFAULT_COLUMNS) - 1)}`);
  }

  /** Prints a message on a separate line. */
  readonly message = (line: string): void => {
    this.clear();
    this.#write(line);
  };

  /** Erases the line. */
  clear(): void {
    if (this.#isShown) this.#write(CLEAR);
    this.#isShown = false;
  }
}
