import { readFileSync, readdirSync } from 'node:fs';

/** A process by its number, with its parent's and the name of its program (proc(5): at most 15 characters). */
export interface ListedProcess {
  readonly parent: number;
  readonly name: string;
}

export type ProcessList = ReadonlyMap<number, ListedProcess>;

/** What runs on this machine; empty where there is no /proc. */
export function listProcesses(): ProcessList {
  const processes = new Map<number, ListedProcess>();
  for (const entry of entriesOf('/proc')) {
    // `pid (name) state ppid …`: the name may hold spaces and parentheses.
    const found = /^\d+ \((.*)\) \S (\d+)/s.exec(/^\d+$/.test(entry) ? read(`/proc/${entry}/stat`) : '');
    if (found !== null) processes.set(Number(entry), { name: found[1] ?? '', parent: Number(found[2]) });
  }
  return processes;
}

/** The names of the programs that started this process: its parent's, its parent's parent's, and so on. */
export function ancestorsOf(pid: number, processes: ProcessList): string[] {
  const names: string[] = [];
  for (let one = processes.get(pid); one !== undefined && names.length < processes.size;) {
    one = processes.get(one.parent);
    if (one !== undefined) names.push(one.name);
  }
  return names;
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // it has ended
  }
}
