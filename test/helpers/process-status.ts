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

/** Resolves when the process waits for the world and the world does nothing, or when it is gone. */
export async function stalled(pid: number): Promise<void> {
  let before = '';
  for (let looks = 0; looks < LOOKS; looks++) {
    await sleep(LOOK_EVERY_MS);
    const stat = read(pid, 'stat');
    if (stat === '') return;
    // The second field is in parentheses and may hold anything; then state, and as 14 and 15 the processor time used.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const now = `${fields[11] ?? ''} ${fields[12] ?? ''}`;
    if (fields[0] !== 'S' || now !== before) looks = 0;
    before = now;
  }
}

function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}
