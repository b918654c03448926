import { idsIn, journalLines } from './saved-state.ts';
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'node:test';
import { EventId } from '../../src/events/event-id.ts';
import { builtFile } from './built-file.ts';
import { type ExecInputOptions, InExec, type InExecOptions } from './in-exec.ts';
import { TEST_PATIENCE } from './patience.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { type Sandbox, type SandboxSettings, startSandbox, type StoredEvent } from '../sandbox/server.ts';

export const CONTRACT = '31721060';
export const SOURCE = `ionos/${CONTRACT}`;
const SCRIPT = fileURLToPath(new URL('../../dist/fetch-activity-logs.js', import.meta.url));
/** The built script as a shell command's beginning. */
export const PROGRAM = `'${process.execPath}' '${SCRIPT}'`;
const QUICK_MS = 20;
const LOOK_MS = 10;
const YOUNG_SECONDS = 2;

/** The state file, as far as tests look into it. */
export interface SavedState {
  readonly sources: Readonly<Record<string, SavedSource | undefined>>;
  readonly pending: {
    readonly base: number;
    readonly lines: number;
    readonly printed_until: number;
    readonly sources: Readonly<Record<string, SavedBatch | undefined>>;
  } | null;
  /** Ranges that wait to be delivered again. */
  readonly redeliver: readonly unknown[];
}

export interface SavedBatch {
  readonly delivered?: Readonly<Record<string, readonly string[]>>;
}

/** The identities in a batch. */
export function deliveredIn(batch: SavedBatch | undefined): string[] {
  return Object.values(batch?.delivered ?? {}).flat();
}

export interface SavedSource {
  readonly cursor: string;
  readonly delivered: number;
  readonly oversize: number;
  readonly rejected: number;
  readonly strikes: Readonly<Record<string, number>>;
}

export interface CollectionOptions {
  readonly sandbox?: SandboxSettings;
  /** Options of the script besides those for the counters. */
  readonly options?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: Partial<ExecInputOptions>;
  /** Makes the double from an environment that the script needs; one with quick clocks and one input by default. */
  readonly fluentBit?: (env: NodeJS.ProcessEnv) => InExecOptions;
  readonly engine?: Partial<InExecOptions>;
}

/** The sandbox, the double of Fluent Bit with the built script as its command, and a folder for the state. */
export class ExecCollection {
  readonly sandbox: Sandbox;
  readonly fluentBit: InExec;
  readonly folder: string;

  private constructor(sandbox: Sandbox, fluentBit: InExec, folder: string) {
    this.sandbox = sandbox;
    this.fluentBit = fluentBit;
    this.folder = folder;
  }

  static async start(t: TestContext, given: CollectionOptions = {}): Promise<ExecCollection> {
    await builtFile();
    const running: InExec[] = [];
    t.after(() => running[0]?.close());
    const folder = await temporaryFolder(t);
    const sandbox = await startSandbox(given.sandbox);
    t.after(() => sandbox.close());
    sandbox.addContract(CONTRACT);
    const env = {
      IONOS_API_URL: sandbox.url,
      IONOS_API_TOKEN: sandbox.options.token ?? '',
      ACTIVITY_LOG_STATE_FILE: join(folder, 'state.json'),
      NO_PROXY: '*',
      ACTIVITY_LOG_ACK_PATIENCE: `${2.5 * TEST_PATIENCE}s`,
      ...given.env,
    };
    const options = given.fluentBit?.(env) ?? oneQuickInput(given, env);
    const fluentBit = await InExec.start({ ...options, ...given.engine });
    running.push(fluentBit);
    // Its first figures are there a second after its start, long before an interval is over.
    fluentBit.refresh();
    return new ExecCollection(sandbox, fluentBit, folder);
  }

  /** The path of a file beside the state. */
  readonly file = (name: string): string => join(this.folder, name);

  /** Undefined as long as there is none. */
  async state(): Promise<SavedState | undefined> {
    try {
      return JSON.parse(await readFile(this.file('state.json'), 'utf8')) as SavedState;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** What is known of the only contract. */
  async source(): Promise<SavedSource> {
    const source = (await this.state())?.sources[SOURCE];
    if (source === undefined) throw new Error(`the state knows no ${SOURCE}`);
    return source;
  }

  /** Events of the last minute, or of another time; `raw` makes them from their number and time. */
  happen(count: number, raw?: (index: number, time: string) => string): readonly StoredEvent[] {
    const to = Math.floor(Date.now() / 1000) * 1000;
    const from = to - 60_000;
    if (raw === undefined) return this.sandbox.generate(CONTRACT, { count, from, to });
    const events = Array.from({ length: count }, (_, index) => {
      const time = from + Math.floor((index * 60_000) / count);
      return { raw: raw(index, new Date(time).toISOString()), time };
    });
    return this.sandbox.addEvents(CONTRACT, events);
  }

  /** The lines of all events of the sandbox. */
  get texts(): readonly string[] {
    return this.sandbox.events(CONTRACT).map(({ text }) => text);
  }

  /** Waits until Fluent Bit's life is so old that it can be told from the one before, as an interval would make it. */
  async aged(): Promise<void> {
    await this.#countedLaterThan(YOUNG_SECONDS);
  }

  /** Waits until the double has counted later than the last run printed, as it has after an interval. */
  async counted(): Promise<void> {
    const { pending } = (await this.state()) ?? {};
    await this.#countedLaterThan(pending?.printed_until ?? -1);
  }

  async #countedLaterThan(second: number): Promise<void> {
    while ((await this.#countedAt()) <= second) {
      await sleep(LOOK_MS);
      this.fluentBit.refresh();
    }
  }

  async #countedAt(): Promise<number> {
    const text = await (await fetch(`${this.fluentBit.url}/api/v2/metrics/prometheus`)).text();
    return Number(/^fluentbit_uptime\{.*\} (\d+)$/m.exec(text)?.[1] ?? -1);
  }
}

/** Of a file for one user only; none when it is not there. */
export async function linesOf(file: string): Promise<string[]> {
  try {
    assert.equal((await stat(file)).mode & 0o777, 0o600, file);
    const text = await readFile(file, 'utf8');
    assert.ok(text.endsWith('\n'), `${file} ends in the middle of a line`);
    return text.slice(0, -1).split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Whether the journal beside this state file has an event for delivered, or for set aside. Reads the journal once. */
export function seenIn(stateFile: string): (event: StoredEvent) => boolean {
  const keys = journalLines(stateFile).flatMap(({ sources }) =>
    Object.values(sources).flatMap(({ delivered, set_aside }) => [...idsIn(delivered), ...idsIn(set_aside)]),
  );
  const uuids = new Set(keys.map((key) => EventId.of(key).uuid));
  return ({ id }) => uuids.has(EventId.of(id).uuid);
}

/** How a command for the double asks for the counters. */
export function commandFor(alias: string, options: readonly string[] = []): (url: string) => string {
  return (url) => `exec ${PROGRAM} --ack-url ${url} --ack-input ${alias} ${options.join(' ')}`;
}

function oneQuickInput({ input, options }: CollectionOptions, env: NodeJS.ProcessEnv): InExecOptions {
  const usual: ExecInputOptions = {
    alias: 'activity_log',
    command: commandFor('activity_log', options),
    threaded: true,
    storage: 'filesystem',
    bufSize: 2_000_000,
  };
  const clocks = { refreshMs: QUICK_MS, flushMs: QUICK_MS, uptimeSec: 1000 };
  return { inputs: [{ ...usual, ...input }], ...clocks, env };
}
