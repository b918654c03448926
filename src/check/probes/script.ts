import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { error, fatal, ok, unseen, warning, type Details, type Finding } from '../finding.ts';
import type { Input } from '../facts/input.ts';
import { accessError, pathOn, type Machine, READ, SEARCH, mayUser } from '../facts/machine.ts';
import { checkNode } from './node-version.ts';
import { INSTALLED_SCRIPT, soundCommand } from '../rules/suggested-command.ts';

/** How much of a first line the kernel reads (execve(2)). */
const SHEBANG_BYTES = 256;
const ELF = '\x7fELF';
const VERSION_MS = 5_000;
const OTHERS_WRITE = 0o002;

/** Whether the script in a command exists and can be run, and by which Node.js. */
export async function checkScript(input: Input, machine: Machine): Promise<Finding[]> {
  const { call, command, environment } = input;
  const { at } = command;
  const { user = 'root' } = environment.service ?? {};
  const script = find(call.script, input, machine);
  if (script === undefined) return fatal('script', `${call.script} is not on PATH`, { at, ...installed(input) });
  const problem = accessError(script);
  if (problem === 'ENOENT' || problem === 'ENOTDIR') {
    return fatal('script', `${call.script} does not exist`, { at, ...installed(input) });
  }
  const repair = `chmod 755 ${script}`;
  if (problem !== undefined && environment.service !== undefined) {
    const impact = `only ${user} can check whether the service can run it`;
    return unseen('script-unknown', `this user cannot read ${call.script} (${problem})`, impact, at);
  }
  if (problem !== undefined) {
    return fatal('script', `${call.script} cannot be read (${problem})`, { at, command: repair });
  }
  if (!statSync(script).isFile()) {
    return fatal('script', `${call.script} is not a file`, { at, ...installed(input) });
  }
  if (mayUser(user, READ | SEARCH, script, machine) === false) {
    const message = `Fluent Bit runs as ${user}, who cannot run ${call.script}`;
    return fatal('script-user', message, { at, command: repair });
  }
  const findings = await runs(script, input, machine);
  if ((statSync(script).mode & OTHERS_WRITE) === 0) return findings;
  return [
    ...findings,
    ...warning('script-mode', 'every user of this machine can change the script', {
      at: { file: script },
      impact: `they can run anything as ${user}`,
      command: repair,
    }),
  ];
}

async function runs(script: string, input: Input, machine: Machine): Promise<Finding[]> {
  const { call, command } = input;
  const { at } = command;
  if (call.interpreter === undefined && accessError(script, constants.X_OK) !== undefined) {
    return fatal('script', `${call.script} is not executable`, { at, command: `chmod +x ${script}` });
  }
  const sound = ok('script', `${call.script} exists and is executable`, { at });
  if (isExecutable(script)) return sound;
  const firstLine = { file: script, line: 1 };
  const shebang = call.interpreter ?? interpreterOf(script);
  if (shebang === undefined) {
    const impact = 'the shell runs it as a shell script';
    const details = { at: firstLine, impact, fix: '#!/usr/bin/env node' };
    return error('script', `${call.script} does not begin with #!`, details);
  }
  const [place, fix] =
    call.interpreter === undefined
      ? [firstLine, `#!${aNode(machine)}`]
      : [at, soundCommand(input, { interpreter: aNode(machine) })];
  const interpreter = find(shebang, input, machine);
  if (interpreter === undefined || accessError(interpreter, constants.X_OK) === 'ENOENT') {
    const where = shebang.includes('/') ? '' : ": not on Fluent Bit's PATH";
    return fatal('script', `the interpreter ${shebang} does not exist${where}`, { at: place, fix });
  }
  const version = await versionOf(interpreter, machine);
  return version === undefined ? sound : [...sound, ...checkNode(version, interpreter, { at: place })];
}

/** Its path on the machine; undefined when it is a name that is not on PATH. */
function find(name: string, { environment }: Input, machine: Machine): string | undefined {
  // Under systemd the working folder is the root folder.
  if (name.includes('/')) return pathOn(machine, join('/', name));
  const folders = (environment.variables['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  return folders
    .map((folder) => pathOn(machine, join(folder, name)))
    .find((file) => accessError(file, constants.X_OK) === undefined);
}

/** A path of Node.js for scripts; a release's executable cannot run them. */
function aNode({ node }: Machine): string {
  return basename(node.path).startsWith('node') ? node.path : '/usr/bin/node';
}

/** Whether it is a release's executable, which contains Node.js, and not a script. */
function isExecutable(file: string): boolean {
  return firstBytes(file).startsWith(ELF);
}

/** The interpreter in the first line; with `env`, the name that it looks for on PATH. */
function interpreterOf(script: string): string | undefined {
  const [, path, argument] = /^#![ \t]*(\S+)[ \t]*([^\n]*)/.exec(firstBytes(script)) ?? [];
  if (path === undefined || basename(path) !== 'env') return path;
  return argument?.split(/\s+/).find((word) => word !== '' && !word.startsWith('-') && !word.includes('='));
}

function firstBytes(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(SHEBANG_BYTES);
    return buffer.toString('utf8', 0, readSync(descriptor, buffer));
  } finally {
    closeSync(descriptor);
  }
}

/** Undefined when it is not Node.js, or does not say. */
async function versionOf(interpreter: string, { node }: Machine): Promise<string | undefined> {
  if (realpathSync(interpreter) === realpathSync(node.path)) return node.version;
  if (!basename(interpreter).startsWith('node')) return undefined;
  try {
    const { stdout } = await promisify(execFile)(interpreter, ['--version'], { timeout: VERSION_MS });
    return /^v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

/** How to get the script. */
function installed(input: Input): Details {
  if (input.call.script === INSTALLED_SCRIPT) return { command: 'sudo ./install.sh' };
  return { fix: soundCommand(input, { script: INSTALLED_SCRIPT }) };
}
