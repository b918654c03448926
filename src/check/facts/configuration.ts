import { codeOf } from '../../lib/errors.ts';
import { isObject } from '../../lib/narrow.ts';
import type { ConfigFiles, FluentBitConfig } from '../fluent-bit-config/model.ts';
import { localFiles, readFluentBitConfig } from '../fluent-bit-config/read.ts';
import type { Environment } from './environment.ts';
import { error, unseen, warning, type Finding } from '../finding.ts';
import { pathOn, type Machine } from './machine.ts';

const UNCHECKED = 'check cannot tell whether events would be lost';

/** A configuration, or why it could not be read. */
type Configuration = { readonly config: FluentBitConfig } | { readonly config?: never; readonly findings: Finding[] };

/** Reads Fluent Bit's main file. Unless `isNamed`, it may be missing. */
export function readConfiguration(
  file: string,
  isNamed: boolean,
  environment: Environment,
  machine: Machine,
): Configuration {
  try {
    return { config: readFluentBitConfig(file, { env: environment.variables, files: filesOn(machine) }) };
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code === undefined) throw thrown;
    const at = { file: pathOf(thrown, machine) ?? file };
    return { findings: code === 'ENOENT' ? missing(file, isNamed) : unreadable(code, at, machine) };
  }
}

function missing(file: string, isNamed: boolean): Finding[] {
  const at = { file };
  if (isNamed) return error('config', 'there is no such file', { at, impact: 'Fluent Bit does not start' });
  const command = 'fetch-activity-logs check --config FILE';
  return warning('config', 'Fluent Bit has no configuration here', { at, impact: UNCHECKED, command });
}

function unreadable(code: string, at: { readonly file: string }, { uid }: Machine): Finding[] {
  if (code === 'EACCES' && uid !== 0) return unseen('config', 'this user cannot read it', UNCHECKED, at);
  return error('config', `it cannot be read (${code})`, { at, impact: 'Fluent Bit does not start' });
}

/** The files of a machine, by their names there. */
export function filesOn(machine: Machine): ConfigFiles {
  return {
    isFile: (file) => localFiles.isFile(pathOn(machine, file)),
    read: (file) => localFiles.read(pathOn(machine, file)),
    list: (folder) => localFiles.list(pathOn(machine, folder)),
    realPath: (file) => nameOn(machine, localFiles.realPath(pathOn(machine, file))),
  };
}

function nameOn({ root }: Machine, path: string): string {
  return root !== '/' && path.startsWith(root) ? path.slice(root.length) : path;
}

function pathOf(thrown: unknown, machine: Machine): string | undefined {
  return isObject(thrown) && typeof thrown['path'] === 'string' ? nameOn(machine, thrown['path']) : undefined;
}
