import type { Terminal, World } from '../lib/world.ts';

/** The line is drawn again at most so often. */
const REDRAW_MS = 200;
const DEFAULT_COLUMNS = 80;
const CLEAR = '\r\u001b[K';

/** One line at the foot of a terminal that is drawn again and again; messages go above it. */
export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #write: (text: string) => void;
  readonly #now: () => number;
  #drawnAt = -Infinity;
  #isShown = false;

  constructor(terminal: Terminal, { log: { write }, now }: Pick<World, 'log' | 'now'>) {
    this.#terminal = terminal;
    this.#write = write;
    this.#now = now;
  }

  /** Shows what `render` has to say, unless that was just done. */
  update(render: () => string): void {
    if (this.#now() - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = this.#now();
    this.#isShown = true;
    // A line that is wrapped could not be taken back. A terminal that does not know its width says 0.
    const { columns } = this.#terminal;
    this.#write(`${CLEAR}${render().slice(0, (columns > 0 ? columns : DEFAULT_COLUMNS) - 1)}`);
  }

  /** A message, on a line of its own. */
  readonly message = (line: string): void => {
    this.clear();
    this.#write(line);
  };

  /** Takes the line back. */
  clear(): void {
    if (this.#isShown) this.#write(CLEAR);
    this.#isShown = false;
  }
}
