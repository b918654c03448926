/** Starts the built collector as a process, as Fluent Bit or a person would, and collects what it says. */

import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { builtFile } from './built-file.ts';
import { savedState } from './saved-state.ts';
import { runCommand } from './run-command.ts';
import { sink } from './sink.ts';

export interface Invocation {
  /** Options beside `--api-url` and `--state-file`. */
  readonly args?: readonly string[];
  /** Nothing of the test's own environment but PATH is handed on; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** For root only. */
  readonly uid?: number;
  /** False leaves stdout alone until `read()`, or until the process is gone. */
  readonly reading?: boolean;
  /** A descriptor in place of the pipe. */
  readonly stderr?: number;
}

/** How a run ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whole lines, without their line breaks. */
  readonly lines: readonly Buffer[];
  /** What came behind the last line break. */
  readonly rest: Buffer;
  readonly stderr: string;
}

/** A run under way. */
export class Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Whole lines so far, without their line breaks. */
  readonly lines: Buffer[] = [];
  /** The process is gone, and all that it wrote was read. */
  readonly ended: Promise<Ended>;
  /** The process is gone. */
  readonly exited: Promise<unknown>;
  readonly #stdout: Readable;
  readonly #events = new EventEmitter();
  #rest: Buffer = Buffer.alloc(0);
  #stderr = '';
  #isOver = false;
  #isRead = false;

  constructor(child: ChildProcess, reading: boolean) {
    this.child = child;
    if (child.pid === undefined || child.stdout === null) throw new Error('the collector could not be started');
    this.pid = child.pid;
    this.#stdout = child.stdout;
    this.#events.setMaxListeners(0);
    this.exited = once(child, 'exit');
    this.ended = once(child, 'close').then((end) => {
      const [code, signal] = end as [number | null, NodeJS.Signals | null];
      this.#isOver = true;
      this.#events.emit('change');
      return { code, signal, lines: this.lines, rest: this.#rest, stderr: this.#stderr };
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#events.emit('change');
    });
    if (reading) this.read();
    // Node itself lets flow, and drops, what nobody reads once the process is gone.
    else child.once('exit', () => this.read());
  }

  get stderr(): string {
    return this.#stderr;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The reading end of its stdout, for those that do not read line by line. */
  get stdout(): Readable {
    return this.#stdout;
  }

  read(): void {
    if (this.#isRead) return;
    this.#isRead = true;
    this.#stdout.on('data', (piece: Buffer) => {
      const { lines, rest } = linesOf(Buffer.concat([this.#rest, piece]));
      this.lines.push(...lines);
      this.#rest = rest;
      this.#events.emit('change');
    });
  }

  /** Resolves once this is so, or when the run is over; looked at whenever something was printed. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.#isOver) await once(this.#events, 'change');
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** The parts of the state file that tests look at. */
export interface StateDocument {
  readonly version: number;
  readonly last_run: string;
  readonly generation: number;
  readonly journal?: {
    readonly seq: number;
    readonly known_from: { readonly file: string; readonly offset: number } | null;
  };
  readonly sources: Readonly<
    Record<
      string,
      {
        readonly cursor: string;
        readonly start: string;
        readonly delivered: number;
        readonly last_success: string | null;
        readonly last_error: string | null;
        readonly late: { readonly count: number; readonly max_seconds: number };
      }
    >
  >;
}

/** A collector with a place of its own: each run finds what the one before left. */
export class Collector {
  readonly folder: string;
  readonly file: string;
  readonly url: string;
  stateFile: string;
  /** Whole lines of all runs that have ended. */
  readonly printed: Buffer[] = [];
  readonly #running = new Set<Running>();

  constructor(file: string, url: string) {
    this.file = file;
    this.url = url;
    this.folder = mkdtempSync(join(tmpdir(), 'fetch-activity-logs-'));
    this.stateFile = join(this.folder, 'state.json');
  }

  start({ args = [], env = {}, cwd = this.folder, uid, reading = true, stderr }: Invocation = {}): Running {
    const child = spawn(process.execPath, [this.file, '--api-url', this.url, '--state-file', this.stateFile, ...args], {
      cwd,
      env: { PATH: process.env['PATH'], IONOS_API_TOKEN: 'sandbox-token', ...env },
      stdio: ['ignore', 'pipe', stderr ?? 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    const running = new Running(child, reading);
    this.#running.add(running);
    void running.ended.then(({ lines }) => {
      this.#running.delete(running);
      for (const line of lines) this.printed.push(line);
    });
    return running;
  }

  /** One run with these options, up to its end. */
  async run(...args: readonly string[]): Promise<Ended> {
    return this.runWith({ args });
  }

  async runWith(invocation: Invocation): Promise<Ended> {
    return this.start(invocation).ended;
  }

  hasState(): boolean {
    return existsSync(this.stateFile);
  }

  state(): StateDocument {
    return savedState(this.stateFile);
  }

  /** What is known of a contract. */
  contract(number: string): StateDocument['sources'][string] {
    const source = this.state().sources[`ionos/${number}`];
    if (source === undefined) throw new Error(`the state knows no contract ${number}`);
    return source;
  }

  async end(): Promise<void> {
    const running = [...this.#running];
    for (const run of running) {
      run.kill('SIGKILL');
      run.stdout.destroy();
    }
    await Promise.all(running.map(async (run) => run.ended));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One whose runs take place in the test's own process, without back-off: for what is not about the process. */
export class QuickCollector extends Collector {
  override start(): never {
    throw new Error('there is no process: use collectorFor');
  }

  override async runWith({ args = [], env = {} }: Pick<Invocation, 'args' | 'env'>): Promise<Ended> {
    const written: Buffer[] = [];
    const { exitCode, stderr } = await runCommand(['--api-url', this.url, '--state-file', this.stateFile, ...args], {
      env: { IONOS_API_TOKEN: 'sandbox-token', ...env },
      stdout: sink(written),
    });
    const { lines, rest } = linesOf(Buffer.concat(written));
    this.printed.push(...lines);
    return { code: exitCode, signal: null, lines, rest, stderr };
  }
}

function linesOf(bytes: Buffer): { lines: Buffer[]; rest: Buffer } {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf('\n'); end >= 0; end = bytes.indexOf('\n', start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return { lines, rest: bytes.subarray(start) };
}

export function quickCollectorFor(t: TestContext, { url }: { readonly url: string }): QuickCollector {
  const collector = new QuickCollector('', url);
  t.after(async () => collector.end());
  return collector;
}

/** A collector for the API at this address, put away at the end of the test. */
export async function collectorFor(t: TestContext, { url }: { readonly url: string }): Promise<Collector> {
  const collector = new Collector(await builtFile(), url);
  t.after(async () => collector.end());
  return collector;
}
