/** Starts the built file as a process and collects what it says. */

import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { builtFile } from './built-file.ts';
import { savedState } from './saved-state.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whole lines. */
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** A run under way. */
export interface Follower {
  readonly pid: number;
  readonly lines: readonly string[];
  readonly ended: Promise<Ended>;
  /** Resolves once so many lines were read, or stderr matches, or the run is over. */
  until(fits: (lines: readonly string[], stderr: string) => boolean): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** As `| head` does. */
  closeStdout(): void;
}

/** Where runs find what the one before has left. */
export interface Place {
  readonly folder: string;
  readonly stateFile: string;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Follower;
  /** The file's text; empty when there is none. */
  stateText(): string;
  cursor(source?: string): string;
  delivered(source?: string): number;
  isLocked(): boolean;
}

const PROJECT = 'cloudscale/project';

/** A folder of its own for the state, and runs that ask this API; all is gone at the end of the test. */
export async function placeFor(t: TestContext, api: { readonly url: string }): Promise<Place> {
  const file = await builtFile();
  const running = new Set<Follower>();
  t.after(async () => {
    const left = [...running];
    for (const run of left) run.kill('SIGKILL');
    await Promise.all(left.map(({ ended }) => ended));
  });
  const folder = await temporaryFolder(t);
  const stateFile = join(folder, 'state.json');
  const stateText = (): string => (existsSync(stateFile) ? readFileSync(stateFile, 'utf8') : '');
  const source = (name: string): { cursor: string; delivered: number } | undefined =>
    stateText() === '' ? undefined : savedState(stateFile).sources[name];
  return {
    folder,
    stateFile,
    stateText,
    cursor: (name = PROJECT) => source(name)?.cursor ?? '',
    delivered: (name = PROJECT) => source(name)?.delivered ?? 0,
    isLocked: () => existsSync(`${stateFile}.lock`),
    start: (args, env = {}) => {
      const run = start([file, ...args, '--api-url', api.url, '--state-file', stateFile], folder, env);
      running.add(run);
      void run.ended.then(() => running.delete(run));
      return run;
    },
  };
}

function start(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Follower {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH: process.env['PATH'], IONOS_API_TOKEN: 'sandbox-token', CLOUDSCALE_API_TOKEN: 'sandbox-token', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const news = new EventEmitter();
  let stderr = '';
  let rest = '';
  let isOver = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const whole = (rest + text).split('\n');
    rest = whole.pop() ?? '';
    lines.push(...whole);
    news.emit('news');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    news.emit('news');
  });
  const ended = once(child, 'close').then((end) => {
    const [code, signal] = end as [number | null, NodeJS.Signals | null];
    isOver = true;
    news.emit('news');
    return { code, signal, lines, stderr };
  });
  return {
    pid: child.pid ?? 0,
    lines,
    ended,
    until: async (fits) => {
      while (!isOver && !fits(lines, stderr)) await once(news, 'news');
    },
    kill: (signal) => void child.kill(signal),
    closeStdout: () => void child.stdout.destroy(),
  };
}
