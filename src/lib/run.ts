import { setMaxListeners } from 'node:events';

/** Why a run ends early: nothing is wrong, and the next run continues. */
export class Stopped extends Error {
  /** The deadline was reached; otherwise somebody asked the run to stop. */
  readonly isDeadline: boolean;

  constructor(reason: string, isDeadline = false) {
    super(reason);
    this.name = 'Stopped';
    this.isDeadline = isDeadline;
  }
}

/** How long a run that is stopped from outside may finish the page that it prints, and then its last lines. */
const WRAP_UP_MS = 500;
const GRACE_MS = 1_000;

/** The time of one run. Every wait in it takes `signal`. */
export interface Run {
  /** Aborted at the deadline, by a signal from outside, or by `abort`: no new page is started. */
  readonly signal: AbortSignal;
  /** Aborted a little after a signal from outside: no further line is started. */
  readonly wrapUp: AbortSignal;
  /** Aborted a little later: stdout is abandoned, even in the middle of a line. */
  readonly giveUp: AbortSignal;
  /** How much time is left; negative after the deadline. */
  remainingMs(): number;
  /** Ends the run because of an error that affects all sources. */
  abort(error: Error): void;
  end(): void;
}

/** `deadlineMs` may be Infinity: then there is no deadline. It is measured with the monotonic clock. */
export function startRun(outside: AbortSignal, deadlineMs: number, monotonic: () => number): Run {
  const started = monotonic();
  const controller = new AbortController();
  const wrapUp = new AbortController();
  const giveUp = new AbortController();
  // Each request under way listens. Node would warn on stderr of more than ten.
  setMaxListeners(0, controller.signal, wrapUp.signal, giveUp.signal);
  const timers: NodeJS.Timeout[] = [];
  // A timer for Infinity would fire at once.
  const deadline = Number.isFinite(deadlineMs)
    ? setTimeout(() => controller.abort(new Stopped('the deadline was reached', true)), deadlineMs)
    : undefined;
  const stop = () => {
    controller.abort(outside.reason);
    timers.push(setTimeout(() => wrapUp.abort(outside.reason), WRAP_UP_MS));
    timers.push(setTimeout(() => giveUp.abort(outside.reason), GRACE_MS));
  };
  if (outside.aborted) stop();
  outside.addEventListener('abort', stop, { once: true });
  return {
    signal: controller.signal,
    wrapUp: wrapUp.signal,
    giveUp: giveUp.signal,
    remainingMs: () => started + deadlineMs - monotonic(),
    abort: (error) => controller.abort(error),
    end: () => {
      clearTimeout(deadline);
      for (const timer of timers) clearTimeout(timer);
      outside.removeEventListener('abort', stop);
    },
  };
}
