import type { Writable } from 'node:stream';
import type { Clock } from './clock.ts';
import type { LogOptions } from './log.ts';

/** What a command gets from its process: streams, environment, time. Tests hand in their own. */
export interface World extends Clock {
  readonly env: NodeJS.ProcessEnv;
  /** A chunk belongs to it only until the write's callback: then its memory is used again. */
  readonly stdout: Writable;
  readonly log: Pick<LogOptions, 'write' | 'journal'>;
  /** Where messages go, when that is a terminal: progress is shown there. */
  readonly terminal?: Terminal | undefined;
  /** Somebody can type into stdin: a person started this, not a service. */
  readonly isInteractive?: boolean;
  /** This is a real machine, whose Fluent Bit service lends its settings to what root does by hand. */
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
