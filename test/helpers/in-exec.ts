import { type MetricsServer, type Picture, serveMetrics } from './fluent-bit-metrics.ts';
import { PATIENCE_MS } from './patience.ts';
import { ExecInput, type ExecInputOptions, type Run } from './in-exec-input.ts';

export type { ExecInputOptions, Run } from './in-exec-input.ts';

const REFRESH_MS = 1000;
const FLUSH_MS = 1000;
const RING_MS = 10;

export interface InExecOptions {
  readonly inputs: readonly ExecInputOptions[];
  /** How often the figures are taken that the HTTP server shows. */
  readonly refreshMs?: number;
  /** How often chunks are sent; what memory storage holds until then is lost with a kill. */
  readonly flushMs?: number;
  /** How long a line of a threaded input waits in the ring buffer. */
  readonly ringMs?: number;
  readonly port?: number;
  /** `HTTP_Server Off` when false. */
  readonly http?: boolean;
  /** How long the first life claims to have run already, so that a restart shows at once. */
  readonly uptimeSec?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/**
 * A stand-in for Fluent Bit with exec inputs, for tests: it starts each input's command through `/bin/sh -c` in a process
 * group of its own, reads its lines with the buffer, the parser and the losses of the real one (5.1.1, measured), and
 * shows the counters that the real one shows, once a second. It sends nothing anywhere: what matters is `stored`.
 */
export class InExec {
  readonly inputs: readonly ExecInput[];
  readonly #options: InExecOptions;
  readonly #waiting = new Set<() => void>();
  /** The last run of each lane: runs of one lane never overlap. */
  readonly #lanes = new Map<string, Promise<unknown>>();
  readonly #open = new Set<Promise<unknown>>();
  #timers: NodeJS.Timeout[] = [];
  #server: MetricsServer | undefined;
  #port: number;
  #alive = false;
  #life = 0;
  #startedAt: number;
  #picture: Picture | undefined;
  #refreshDue = false;

  private constructor(options: InExecOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.#startedAt = Date.now() - (options.uptimeSec ?? 0) * 1000;
    this.inputs = options.inputs.map(
      (input, index) => new ExecInput(input, input.alias ?? `exec.${index}`, () => this.#changed()),
    );
  }

  static async start(options: InExecOptions): Promise<InExec> {
    const fluentBit = new InExec(options);
    await fluentBit.#begin();
    return fluentBit;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** By alias; without one, the first. */
  input(alias?: string): ExecInput {
    const found = alias === undefined ? this.inputs[0] : this.inputs.find((input) => input.alias === alias);
    if (found === undefined) throw new Error(`there is no input ${alias ?? ''}`);
    return found;
  }

  get stored(): readonly string[] {
    return this.input().stored;
  }

  get runs(): readonly Run[] {
    return this.input().runs;
  }

  /** Starts the command now, or as soon as the run before it has ended, and waits for its end. */
  async runOnce(alias?: string): Promise<Run> {
    const input = this.input(alias);
    // An input that is not threaded runs in the engine, of which there is one.
    const lane = input.threaded ? `input ${input.alias}` : 'engine';
    const before = this.#lanes.get(lane);
    const life = this.#life;
    const run = (async () => {
      await before?.catch(() => undefined);
      if (!this.#alive || life !== this.#life) throw new Error('Fluent Bit does not run');
      return await this.#run(input);
    })();
    this.#open.add(run);
    this.#lanes.set(lane, run);
    try {
      return await run;
    } finally {
      this.#open.delete(run);
      if (this.#lanes.get(lane) === run) this.#lanes.delete(lane);
    }
  }

  /** Lines are dropped from now on; the HTTP server shows it with the next refresh. */
  pause(alias?: string): void {
    this.input(alias).pause();
  }

  resume(alias?: string): void {
    this.input(alias).resume();
  }

  /** Takes the figures that the HTTP server shows; the clock does so once a second. */
  refresh(): void {
    this.#refreshDue = this.#frozen();
    if (this.#refreshDue || !this.#alive) return;
    this.#picture = {
      inputs: new Map(this.inputs.map((input) => [input.alias, input.metrics])),
      uptimeSec: this.#uptimeSec(),
      startedAt: Math.floor(this.#startedAt / 1000),
    };
    this.#changed();
  }

  flush(): void {
    if (this.#frozen()) return;
    for (const input of this.inputs) input.flush();
  }

  /** Waits until this holds; it is asked again whenever something has happened. */
  async until(holds: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const settle = (outcome: () => void): void => {
        clearTimeout(patience);
        this.#waiting.delete(ask);
        outcome();
      };
      const ask = (): void => {
        if (holds()) settle(resolve);
      };
      const patience = setTimeout(() => {
        settle(() => reject(new Error(`waited ${PATIENCE_MS} ms for ${holds.toString()}`)));
      }, PATIENCE_MS);
      this.#waiting.add(ask);
      ask();
    });
  }

  /** `kill -9`: the pipe breaks, the ring buffer and what memory storage has not sent are gone, counters too. */
  async kill({ child = 'left' }: { readonly child?: 'left' | NodeJS.Signals } = {}): Promise<void> {
    for (const input of this.inputs) {
      input.letGo();
      if (child !== 'left') input.signal(child);
      input.forget();
    }
    await this.#end();
  }

  /**
   * SIGTERM, as Fluent Bit handles it since 5.1.0: the command gets one as well. Not threaded, it is heard to its end;
   * threaded, what it prints from here on is lost. What is stored is sent.
   */
  async terminate(): Promise<void> {
    this.#alive = false;
    for (const input of this.inputs) {
      input.signal('SIGTERM');
      if (!input.threaded) continue;
      input.drain();
      input.letGo();
    }
    await this.#lanes.get('engine')?.catch(() => undefined);
    for (const input of this.inputs) {
      input.flush();
      input.forget();
    }
    await this.#end();
  }

  /** Starts again after kill() or terminate(), under the same address. */
  async revive(): Promise<void> {
    this.#startedAt = Date.now();
    await this.#begin();
  }

  async restart(how: { readonly child?: 'left' | NodeJS.Signals } = {}): Promise<void> {
    await this.kill(how);
    await this.revive();
  }

  /** Ends everything, commands included. */
  async close(): Promise<void> {
    await this.kill({ child: 'SIGKILL' });
    await Promise.allSettled(this.#open);
  }

  async #run(input: ExecInput): Promise<Run> {
    const { command } = input.options;
    const text = typeof command === 'string' ? command : command(this.url);
    const { env = {}, cwd = process.cwd() } = this.#options;
    const run = await input.run(text, { ...process.env, ...env }, cwd);
    if (this.#refreshDue) this.refresh();
    return run;
  }

  async #begin(): Promise<void> {
    this.#alive = true;
    this.#life += 1;
    const { refreshMs = REFRESH_MS, flushMs = FLUSH_MS, ringMs = RING_MS, http = true } = this.#options;
    if (http) {
      const source = { picture: () => this.#picture, uptimeSec: () => this.#uptimeSec() };
      this.#server = await serveMetrics(source, this.#port);
      this.#port = this.#server.port;
    }
    this.#every(refreshMs, () => this.refresh());
    this.#every(flushMs, () => this.flush());
    for (const input of this.inputs) {
      if (input.threaded) this.#every(ringMs, () => this.#drain(input));
      if (input.options.intervalMs !== undefined) this.#every(input.options.intervalMs, this.#ticker(input));
    }
  }

  /** A tick that comes while the command runs makes the next run follow at once; more than one make no difference. */
  #ticker(input: ExecInput): () => void {
    let queued = 0;
    return () => {
      if (queued > 1) return;
      queued += 1;
      void this.runOnce(input.alias)
        .catch(() => undefined)
        .finally(() => (queued -= 1));
    };
  }

  async #end(): Promise<void> {
    this.#alive = false;
    this.#picture = undefined;
    this.#refreshDue = false;
    this.#lanes.clear();
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    await this.#server?.close();
    this.#server = undefined;
    this.#changed();
  }

  /** While an input that is not threaded runs its command, the engine does nothing else. */
  #frozen(): boolean {
    return this.inputs.some((input) => !input.threaded && input.running);
  }

  /** In whole seconds of the clock, as the real one has it: 1 can come a moment after the start. */
  #uptimeSec(): number {
    return Math.floor(Date.now() / 1000) - Math.floor(this.#startedAt / 1000);
  }

  #drain(input: ExecInput): void {
    if (!this.#frozen()) input.drain();
  }

  #every(ms: number, action: () => void): void {
    this.#timers.push(setInterval(action, ms));
  }

  #changed(): void {
    for (const waiter of this.#waiting) waiter();
  }
}
