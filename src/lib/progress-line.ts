import type { LogLevel } from './log.ts';
import type { World } from './world.ts';

/** The line is redrawn at most this often. */
const REDRAW_MS = 200;
const DEFAULT_COLUMNS = 80;
const CLEAR = '\r\u001b[K';

/** One line at the bottom of a terminal that is redrawn in place; messages are printed above it. */
export interface ProgressLine {
  /** Shows what `render` returns, unless the line was just redrawn. */
  readonly update: (render: () => string) => void;
  /** Prints a message on a separate line. */
  readonly message: (line: string) => void;
  readonly clear: () => void;
}

/** Undefined without a terminal, and when quiet. */
export function progressLine(
  { terminal, log: { write }, monotonic }: Pick<World, 'terminal' | 'log' | 'monotonic'>,
  logLevel: LogLevel,
): ProgressLine | undefined {
  if (terminal === undefined || logLevel === 'error' || logLevel === 'warn') return undefined;
  let drawnAt = -Infinity;
  let isShown = false;
  const clear = (): void => {
    if (isShown) write(CLEAR);
    isShown = false;
  };
  return {
    update: (render) => {
      if (monotonic() - drawnAt < REDRAW_MS) return;
      drawnAt = monotonic();
      isShown = true;
      // A wrapped line could not be erased. A terminal that does not know its width reports 0.
      const { columns } = terminal;
      write(`${CLEAR}${render().slice(0, (columns > 0 ? columns : DEFAULT_COLUMNS) - 1)}`);
    },
    message: (line) => {
      clear();
      write(line);
    },
    clear,
  };
}
