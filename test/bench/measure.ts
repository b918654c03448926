/** Runs a command in a small process of its own, and tells what it cost. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

export interface Cost {
  wallMs: number;
  /** User and system time of the command and all that it waited for. */
  cpuMs: number;
  /** The largest of its processes, at its peak. */
  peakBytes: number;
}

export interface Measured extends Cost {
  /** What came on stdout. */
  lines: number;
  bytes: number;
  /** What came on stderr. */
  messages: string;
}

/**
 * A process that is started from this one would begin with this one's memory and share its time, so bash stands
 * between. stdout is a pipe, as under Fluent Bit, and what reads it costs little. The figures come on descriptor 3.
 */
const SCRIPT = `
TIMEFORMAT='%3R %3U %3S'
{ time sh -c "$1" 2>&4 3>&- 4>&-; } 4>&2 2>&3 | wc -lc 3>&-
exit "\${PIPESTATUS[0]}"
`;
const LOOK_MS = 5;
const TIME_LIMIT_MS = 900_000;

/** Throws when the command fails. */
export async function measure(command: string, env: NodeJS.ProcessEnv): Promise<Measured> {
  const child = spawn('bash', ['-c', SCRIPT, 'bash', command], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env });
  const { pid } = child;
  let peakBytes = 0;
  const look = setInterval(() => (peakBytes = Math.max(peakBytes, largest(pid))), LOOK_MS);
  const limit = setTimeout(() => descendants(pid).forEach((process_) => kill(process_)), TIME_LIMIT_MS);
  try {
    const texts = Promise.all([1, 2, 3].map((descriptor) => textOf(child.stdio[descriptor] as Readable)));
    await once(child, 'close');
    const [counts = '', messages = '', figures = ''] = await texts;
    if (child.exitCode !== 0) throw new Error(`${command}\nended with ${String(child.exitCode)}: ${messages}`);
    const [wall = 0, user = 0, system = 0] = numbersIn(figures);
    const [lines = 0, bytes = 0] = numbersIn(counts);
    return { wallMs: wall * 1000, cpuMs: (user + system) * 1000, peakBytes, lines, bytes, messages };
  } finally {
    clearInterval(look);
    clearTimeout(limit);
  }
}

async function textOf(stream: Readable): Promise<string> {
  return Buffer.concat((await stream.toArray()) as Buffer[]).toString();
}

function numbersIn(text: string): number[] {
  return text.trim().split(/\s+/).map(Number);
}

/** The greatest VmHWM (proc_pid_status(5)) among a process and its descendants; 0 where there is no /proc. */
function largest(pid: number | undefined): number {
  const peaks = descendants(pid).map(
    (process_) => /^VmHWM:\s*(\d+) kB/m.exec(contents(`/proc/${process_}/status`))?.[1],
  );
  return Math.max(0, ...peaks.map((kilobytes) => Number(kilobytes ?? 0) * 1024));
}

function descendants(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  const children = contents(`/proc/${pid}/task/${pid}/children`).trim();
  return [pid, ...(children === '' ? [] : children.split(' ').flatMap((child) => descendants(Number(child))))];
}

function contents(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // it has ended meanwhile
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended meanwhile
  }
}
