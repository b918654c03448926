import { mkdir, readFile, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StateError, codeOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { headOf, ifThere } from '../lib/read-file.ts';
import type { ProcessIdentity } from '../lib/process-identity.ts';
import { NewerStateError, parseState } from './parse-state.ts';
import { emptyState, type State } from './state.ts';
import { ShapeError } from '../lib/narrow.ts';

/** `generation` is within the first bytes of the file. */
const HEAD_BYTES = 256;
const FOLDER_MODE = 0o700;

/** Removes what a killed run left beside the file. Only under the lock: nobody else writes there then. */
export async function removeLeftovers(file: string, predecessor: ProcessIdentity | undefined): Promise<void> {
  if (predecessor === undefined) return;
  const name = basename(file);
  for (const entry of await readdir(dirname(file))) {
    if (!entry.startsWith(`${name}.`) || !/^\d+$/.test(entry.slice(name.length + 1))) continue;
    const leftover = join(dirname(file), entry);
    // Only if it is from the time of that run: somebody's own copy may end in a number, too.
    if ((await stat(leftover)).mtimeMs >= predecessor.since) await rm(leftover, { force: true });
  }
}

interface LoadOptions {
  readonly log: Log;
  readonly now: () => number;
}

interface LoadedState {
  readonly state: State;
  /** It was written by a version without a journal. */
  readonly isOld: boolean;
  readonly isBroken: boolean;
}

/**
 * Reads the state file. Empty when there is no file, or a broken one, which is kept under another name; then the copy
 * that version 0.1.0 kept beside it is read, if there is one.
 */
export async function loadState(file: string, options: LoadOptions): Promise<LoadedState> {
  const own = await read(file, options);
  const state = own.state ?? (await readOldCopy(`${file}.bak`, options));
  const isOld = state?.journal.seq === 0 && Object.keys(state.sources).length > 0;
  return { state: state ?? emptyState(), isOld, isBroken: own.isBroken && state === undefined };
}

async function readOldCopy(copy: string, options: LoadOptions): Promise<State | undefined> {
  const { state } = await read(copy, options);
  // A copy that the user made of a later state may be older than the journal.
  if (state?.journal.seq !== 0) return undefined;
  options.log.warn(`continuing from ${copy}, the copy that version 0.1.0 kept`);
  return state;
}

async function read(file: string, { log, now }: LoadOptions): Promise<{ state?: State; isBroken: boolean }> {
  const text = await ifThere(readFile(file, 'utf8'));
  if (text === undefined) return { isBroken: false };
  try {
    return { state: parseState(text), isBroken: false };
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    if (error instanceof NewerStateError) throw new StateError(`${file}: ${error.message}; it is left as it is`);
    const kept = `${file}.corrupt-${new Date(now()).toISOString().replace(/[:.]/g, '')}`;
    await rename(file, kept);
    log.warn(`the state file ${file} cannot be read: ${error.message}; it is kept as ${kept}`);
    return { isBroken: true };
  }
}

/** The file's generation; undefined when there is no file, or no generation in it. */
export async function generationOf(file: string): Promise<number | undefined> {
  const found = /"generation":(\d+)/.exec((await ifThere(headOf(file, HEAD_BYTES))) ?? '');
  return found === null ? undefined : Number(found[1]);
}

/** Node's own recursive mkdir loops forever where the kernel refuses a folder with ENOENT, as below /proc. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: FOLDER_MODE });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT' || (await modifiedAt(dirname(folder))) !== undefined) throw error;
    await makeFolder(dirname(folder));
    await mkdir(folder, { mode: FOLDER_MODE });
  }
}

/** Symbolic links resolved, so that two names of one file share one lock. */
export async function realFile(file: string): Promise<string> {
  return (await ifThere(realpath(file))) ?? join(await realpath(dirname(file)), basename(file));
}

/** Throws StateError for a device or a pipe: saving would replace it by a file. */
export async function expectRegularFile(file: string): Promise<void> {
  const stats = await stat(file).catch(() => undefined);
  if (stats !== undefined && !stats.isFile())
    throw new StateError(`${file} is not a regular file; use --peek to run without state`);
}

/** When the file was last modified, in epoch milliseconds; undefined when there is no such file. */
export async function modifiedAt(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).mtimeMs;
  } catch {
    return undefined;
  }
}
