import { accessSync, constants } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { codeOf } from '../errors.ts';

/** The machine that is looked at; tests show another one. */
export interface Machine {
  /** Where its files begin: `/`. */
  readonly root: string;
  readonly hostname: string;
  /** Undefined where users have no numbers. */
  readonly uid: number | undefined;
  /** The Node that runs `check`. */
  readonly node: { readonly version: string; readonly path: string };
}

export function thisMachine(): Machine {
  return {
    root: '/',
    hostname: hostname(),
    uid: process.getuid?.(),
    node: { version: process.versions.node, path: process.execPath },
  };
}

/** An absolute path as it is called on this machine. */
export function pathOn({ root }: Machine, file: string): string {
  return root === '/' ? file : join(root, file);
}

/** The code of the error that this user would meet with, such as EACCES; undefined when there would be none. */
export function accessError(file: string, mode: number = constants.R_OK): string | undefined {
  try {
    accessSync(file, mode);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

/** Whether this user may not do that with a file, or not even look for it, though another one perhaps may. */
export function isForbidden(file: string, mode?: number): boolean {
  return accessError(file, mode) === 'EACCES';
}
