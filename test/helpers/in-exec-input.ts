import { type ChildProcess, spawn } from 'node:child_process';
import type { InputMetrics } from './fluent-bit-metrics.ts';
import { Fgets } from './in-exec-fgets.ts';
import { judge } from './in-exec-parser.ts';

const DEFAULT_BUF_SIZE = 4096;
const RING_CAPACITY = 1024;

export interface ExecInputOptions {
  /** As in the configuration; or made from the URL under which the double serves its metrics. */
  readonly command: string | ((url: string) => string);
  readonly alias?: string;
  readonly bufSize?: number;
  readonly threaded?: boolean;
  /** Without it the command runs by hand only: runOnce(). */
  readonly intervalMs?: number;
  readonly storage?: 'filesystem' | 'memory';
  /** Bytes that may wait for the next flush; what comes on top is dropped. Of no effect with filesystem storage. */
  readonly memBufLimit?: number;
  /** Lines that the parser never takes, whatever they hold. */
  readonly refuse?: (line: string) => boolean;
  /** Lines that vanish on their way into storage, uncounted and without a word. */
  readonly drop?: (line: string) => boolean;
}

/** One start of the command. Grows while it runs. */
export interface Run {
  readonly alias: string;
  readonly pid: number;
  /** Pieces that fgets returned; with short lines, the lines. */
  readonly lines: number;
  readonly accepted: number;
  readonly refused: readonly string[];
  readonly dropped: number;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Fluent Bit let go of the pipe before the command had ended. */
  readonly abandoned: boolean;
}

type GrowingRun = { -readonly [K in keyof Run]: Run[K] } & { readonly refused: string[] };

interface Parsed {
  readonly line: string;
  readonly poison: boolean;
  readonly run: GrowingRun;
}

interface Running {
  readonly child: ChildProcess;
  readonly run: GrowingRun;
  attached: boolean;
}

/** One exec input. What it has stored outlives its counters, which begin anew with each start of Fluent Bit. */
export class ExecInput {
  readonly alias: string;
  readonly threaded: boolean;
  readonly options: ExecInputOptions;
  readonly runs: Run[] = [];
  readonly #stored: string[] = [];
  readonly #children = new Set<Running>();
  readonly #changed: () => void;
  #records = 0;
  #bytes = 0;
  #pausedByHand = false;
  #pausedByLimit = false;
  #pendingBytes = 0;
  #flushed = 0;
  #poisoned = false;
  #ring: Parsed[] = [];

  constructor(options: ExecInputOptions, alias: string, changed: () => void) {
    this.options = options;
    this.alias = alias;
    this.threaded = options.threaded ?? false;
    this.#changed = changed;
  }

  /** Lines in storage, in order, as text. */
  get stored(): readonly string[] {
    return this.#stored;
  }

  /** Live, while the HTTP server shows a picture taken once a second. */
  get metrics(): InputMetrics {
    return { records: this.#records, bytes: this.#bytes, paused: this.#pausedByHand || this.#pausedByLimit };
  }

  get running(): boolean {
    return [...this.#children].some(({ attached }) => attached);
  }

  pause(): void {
    this.#pausedByHand = true;
  }

  resume(): void {
    this.#pausedByHand = false;
  }

  /** Resolves when the command has ended, also when Fluent Bit is gone by then. */
  async run(command: string, env: NodeJS.ProcessEnv, cwd: string): Promise<Run> {
    const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env, cwd });
    const run: GrowingRun = {
      alias: this.alias,
      pid: child.pid ?? -1,
      lines: 0,
      accepted: 0,
      refused: [],
      dropped: 0,
      stderr: '',
      exitCode: null,
      signal: null,
      abandoned: false,
    };
    const running: Running = { child, run, attached: true };
    this.runs.push(run);
    this.#children.add(running);
    const reader = new Fgets(this.options.bufSize ?? DEFAULT_BUF_SIZE);
    const take = (lines: readonly string[]): void => {
      if (running.attached) for (const line of lines) this.#take(line, run);
    };
    child.stdout.on('data', (chunk: Buffer) => take(reader.push(chunk)));
    child.stdout.on('end', () => take(reader.end()));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (run.stderr += text));

    [run.exitCode, run.signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve([code, signal]));
    });
    if (running.attached) this.drain();
    this.#children.delete(running);
    this.#changed();
    return run;
  }

  /** Moves what waits in the ring buffer into storage; the engine does so every few milliseconds. */
  drain(): void {
    const waiting = this.#ring;
    if (waiting.length === 0) return;
    this.#ring = [];
    for (const parsed of waiting) this.#store(parsed);
    for (const { child, attached } of this.#children) if (attached) child.stdout?.resume();
    this.#changed();
  }

  /** The chunk is closed and sent. */
  flush(): void {
    this.#flushed = this.#stored.length;
    this.#pendingBytes = 0;
    this.#pausedByLimit = false;
    this.#poisoned = false;
  }

  /** Signals the commands that still run, also those of an earlier life. */
  signal(signal: NodeJS.Signals): void {
    for (const { child } of this.#children) {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }

  /** Stops reading: the pipe breaks, and what is in it is lost. */
  letGo(): void {
    for (const running of this.#children) {
      running.attached = false;
      running.run.abandoned = true;
      running.child.stdout?.destroy();
    }
  }

  /** All that a killed process takes with it. */
  forget(): void {
    this.#ring = [];
    if (this.options.storage !== 'filesystem') this.#stored.length = this.#flushed;
    this.#records = 0;
    this.#bytes = 0;
    this.#pausedByHand = false;
    this.flush();
  }

  #take(line: string, run: GrowingRun): void {
    run.lines += 1;
    const verdict = this.options.refuse?.(line) === true ? 'refused' : judge(line);
    const parsed = { line, poison: verdict === 'poison', run };
    if (verdict === 'refused') run.refused.push(line);
    else if (this.threaded) this.#ring.push(parsed);
    else this.#store(parsed);
    if (this.#ring.length >= RING_CAPACITY) {
      for (const { child, attached } of this.#children) if (attached) child.stdout?.pause();
    }
    this.#changed();
  }

  #store({ line, poison, run }: Parsed): void {
    if (this.metrics.paused || poison || this.options.drop?.(line) === true) {
      run.dropped += 1;
      this.#poisoned ||= poison;
      return;
    }
    const size = Buffer.byteLength(line);
    run.accepted += 1;
    this.#records += 1;
    this.#bytes += size;
    this.#pendingBytes += size;
    if (!this.#poisoned) this.#stored.push(line);
    const { memBufLimit = Infinity, storage } = this.options;
    this.#pausedByLimit = storage !== 'filesystem' && this.#pendingBytes >= memBufLimit;
  }
}
