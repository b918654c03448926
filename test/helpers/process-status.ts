/** What Linux tells about a process (proc(5)). */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const KIBIBYTE = 1024;
const LOOK_EVERY_MS = 50;
/** A process that slept at so many looks, and did nothing between, waits for something that does not come. */
const LOOKS = 6;

/** The most memory that it ever had resident, in bytes; undefined when it is gone. */
export function peakMemory(pid: number): number | undefined {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(read(pid, 'status'));
  return found === null ? undefined : Number(found[1]) * KIBIBYTE;
}

/** Processor time used so far, in clock ticks (a hundredth of a second as a rule). */
export function cpuTicks(pid: number): number {
  const [user = 0, system = 0] = cpuFields(read(pid, 'stat'));
  return user + system;
}

/** Resolves when the process waits for the world and the world does nothing, or when it is gone. */
export async function stalled(pid: number): Promise<void> {
  let before = '';
  for (let looks = 0; looks < LOOKS; looks++) {
    await sleep(LOOK_EVERY_MS);
    const stat = read(pid, 'stat');
    if (stat === '') return;
    const now = cpuFields(stat).join(' ');
    if (fieldsOf(stat)[0] !== 'S' || now !== before) looks = 0;
    before = now;
  }
}

/** From the state on: the second field is in parentheses and may hold anything. */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** User and system time, fields 14 and 15. */
function cpuFields(stat: string): number[] {
  return fieldsOf(stat).slice(11, 13).map(Number);
}

function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}
