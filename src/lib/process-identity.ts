import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { formatDuration } from './duration.ts';
import { codeOf } from './errors.ts';
import { isObject } from './narrow.ts';

/** A process that can be told from a later one with the same number, on Linux at least. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Changes when the machine starts. */
  readonly boot: string;
  /** When the process started, in the kernel's ticks. */
  readonly started: string;
  /** When it took the lock, in epoch milliseconds. */
  readonly since: number;
}

export async function thisProcess(since: number): Promise<ProcessIdentity> {
  return { pid: process.pid, host: hostname(), boot: await bootId(), started: await startOf(process.pid), since };
}

/** Whether the process lives; undefined when it is another machine's. */
export async function isAlive({ pid, host, boot, started }: ProcessIdentity): Promise<boolean | undefined> {
  if (host !== hostname()) return undefined;
  if (boot !== (await bootId())) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false;
  }
  return started === (await startOf(pid));
}

async function bootId(): Promise<string> {
  return (await readOr('/proc/sys/kernel/random/boot_id')).trim();
}

/** Fields 3 and 22 of /proc/[pid]/stat (proc(5)); the second is in parentheses and may hold spaces. */
async function startOf(pid: number): Promise<string> {
  const stat = await readOr(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? 'zombie' : (fields[19] ?? '');
}

async function readOr(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}

/** Who holds a lock, in words. */
export function describeOwner(owner: ProcessIdentity | undefined, now: number): string {
  if (owner === undefined) return 'unknown process';
  const host = owner.host === hostname() ? '' : ` on ${owner.host}`;
  return `process ${owner.pid}${host}, for ${formatDuration(Math.max(0, now - owner.since))}`;
}

/** Who holds a lock; undefined when the file does not say. */
export async function readOwner(ownerFile: string): Promise<ProcessIdentity | undefined> {
  try {
    return identityIn(JSON.parse(await readFile(ownerFile, 'utf8')));
  } catch {
    return undefined;
  }
}

/** A process as it was written to a file; undefined for anything else. */
export function identityIn(value: unknown): ProcessIdentity | undefined {
  const { pid, host, boot = '', started = '', since = 0 } = isObject(value) ? (value as Partial<ProcessIdentity>) : {};
  return typeof pid === 'number' && typeof host === 'string' ? { pid, host, boot, started, since } : undefined;
}
