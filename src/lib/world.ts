import type { Writable } from 'node:stream';
import type { Clock } from './clock.ts';
import type { LogOptions } from './log.ts';

/** What a command gets from its process: streams, environment, time. Tests hand in their own. */
export interface World extends Clock {
  readonly env: NodeJS.ProcessEnv;
  /** It may use a chunk only until the write's callback: then its memory is used again. */
  readonly stdout: Writable;
  readonly log: Pick<LogOptions, 'write' | 'journal'>;
  /** stderr, when that is a terminal: progress is shown there. */
  readonly terminal?: Terminal | undefined;
  /** stdin is a terminal: a person started this, not a service. */
  readonly isInteractive?: boolean;
  /** This machine may have a Fluent Bit service, whose settings apply to commands that root runs by hand. */
  readonly hasService?: boolean;
  /** Aborted when the process is asked to end. */
  readonly signal: AbortSignal;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** Its width changes while the program runs. */
export interface Terminal {
  readonly columns: number;
}
