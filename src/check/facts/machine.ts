import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync, type Stats } from 'node:fs';
import { hostname } from 'node:os';
import { join, dirname } from 'node:path';
import { codeOf } from '../../lib/errors.ts';

/** Permission bits, before they are shifted for owner, group or others. */
export const READ = 0o4;
export const WRITE = 0o2;
export const SEARCH = 0o1;

/** systemctl and a dry run take about 10 ms. */
const RUN_MS = 5_000;

/** The machine to check; tests hand in another one. */
export interface Machine {
  /** The root of its files: `/`. */
  readonly root: string;
  readonly hostname: string;
  /** Undefined where users have no numbers. */
  readonly uid: number | undefined;
  /** The Node.js that runs `check`. */
  readonly node: { readonly version: string; readonly path: string };
  /** Runs a program; undefined when there is none of that name, or it does not end in time. */
  readonly run: (command: string, args: readonly string[], env: NodeJS.ProcessEnv) => Promise<Result | undefined>;
}

/** The output and exit code of a program. */
export interface Result {
  readonly exitCode: number;
  readonly stdout: string;
  /** stdout and stderr: Fluent Bit prints its banner to one and its messages to the other. */
  readonly output: string;
}

export function thisMachine(): Machine {
  return {
    root: '/',
    hostname: hostname(),
    uid: process.getuid?.(),
    node: { version: process.versions.node, path: process.execPath },
    run: runProgram,
  };
}

async function runProgram(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Result | undefined> {
  return new Promise((resolve) => {
    execFile(command, args, { env, timeout: RUN_MS }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : error.code;
      resolve(typeof exitCode === 'number' ? { exitCode, stdout, output: `${stdout}\n${stderr}` } : undefined);
    });
  });
}

/** The real path of one of the machine's absolute paths. */
export function pathOn({ root }: Machine, file: string): string {
  return root === '/' ? file : join(root, file);
}

/** The code of the error that this user would get, such as EACCES; undefined for none. */
export function accessError(file: string, mode: number = constants.R_OK): string | undefined {
  try {
    accessSync(file, mode);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

/** Whether only this user's permissions prevent access. */
export function isForbidden(file: string, mode?: number): boolean {
  return accessError(file, mode) === 'EACCES';
}

/** Whether a file or folder is a mount point, as a container may mount a single file. */
export function isMountPoint(file: string, machine: Machine): boolean {
  const name = machine.root === '/' ? file : file.slice(machine.root.length);
  // proc(5): the fifth field, in which a space is \\040.
  return table('/proc/self/mountinfo', machine, ' ').some(
    ([, , , , point = '']) =>
      point.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))) === name,
  );
}

interface User {
  readonly uid: number;
  readonly gids: ReadonlySet<number>;
}

/**
 * Whether the modes of an existing file, and of the folders above it, grant this user these permissions. root has all.
 * Undefined for a user that is not in the machine's passwd file. Access lists are not considered.
 */
export function mayUser(name: string, wanted: number, file: string, machine: Machine): boolean | undefined {
  if (name === 'root' || name === '0') return true;
  const user = findUser(name, machine);
  if (user === undefined) return undefined;
  if (!allows(statSync(file), wanted, user)) return false;
  for (
    let folder = dirname(file);
    folder.startsWith(machine.root) && folder !== machine.root;
    folder = dirname(folder)
  ) {
    if (!allows(statSync(folder), SEARCH, user)) return false;
  }
  return true;
}

function allows({ uid, gid, mode }: Stats, wanted: number, user: User): boolean {
  const shift = uid === user.uid ? 6 : user.gids.has(gid) ? 3 : 0;
  return ((mode >> shift) & wanted) === wanted;
}

function findUser(name: string, machine: Machine): User | undefined {
  const found = table('/etc/passwd', machine).find(([login, , uid]) => login === name || uid === name);
  if (found === undefined) return undefined;
  const [login = '', , uid, gid] = found;
  const groups = table('/etc/group', machine).filter(([, , , members = '']) => members.split(',').includes(login));
  return { uid: Number(uid), gids: new Set([Number(gid), ...groups.map(([, , group]) => Number(group))]) };
}

/** The fields of each line of a file such as passwd(5); none when it cannot be read. */
function table(file: string, machine: Machine, separator = ':'): string[][] {
  try {
    return readFileSync(pathOn(machine, file), 'utf8')
      .split('\n')
      .map((line) => line.split(separator));
  } catch {
    return [];
  }
}
