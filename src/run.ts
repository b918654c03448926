/** Why a run ends before it is through: nothing is wrong, and the next run goes on. */
export class Stopped extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'Stopped';
  }
}

/** A run that is stopped from outside has so long to finish the page that it is printing. */
const GRACE_MS = 1_000;

/** One run's time: everything that waits in it waits on `signal`. */
export interface Run {
  /** Aborted at the deadline, by a signal from outside, or by `abort`: no new page is begun. */
  readonly signal: AbortSignal;
  /** Aborted a little after a signal from outside: stdout is given up. */
  readonly giveUp: AbortSignal;
  readonly deadline: number;
  /** Ends the run because of an error that concerns all sources. */
  abort(error: Error): void;
  /** Lets go of timers and listeners. */
  end(): void;
}

/** `deadlineMs` may be Infinity: then there is no deadline. */
export function startRun(outside: AbortSignal, deadlineMs: number, now: number): Run {
  const controller = new AbortController();
  const giveUp = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  // A timer for Infinity would fire at once.
  const deadline = Number.isFinite(deadlineMs)
    ? setTimeout(() => controller.abort(new Stopped('the deadline was reached')), deadlineMs)
    : undefined;
  const stop = () => {
    controller.abort(outside.reason);
    grace = setTimeout(() => giveUp.abort(outside.reason), GRACE_MS);
  };
  if (outside.aborted) stop();
  outside.addEventListener('abort', stop, { once: true });
  return {
    signal: controller.signal,
    giveUp: giveUp.signal,
    deadline: now + deadlineMs,
    abort: (error) => controller.abort(error),
    end: () => {
      clearTimeout(deadline);
      clearTimeout(grace);
      outside.removeEventListener('abort', stop);
    },
  };
}
