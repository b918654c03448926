import { readFile, realpath, stat } from 'node:fs/promises';
import { ConfigError, LockedError, codeOf } from './lib/errors.ts';
import { differenceOf, parseRecord, type ExportRecord } from './export/progress-record.ts';
import { isAlive } from './lib/process-identity.ts';
import { ShapeError } from './lib/narrow.ts';

/** What decides whether an export may go on with what another run has left. */
export type Wanted = Pick<ExportRecord, 'range' | 'parameters'>;

/** The lines, until they are complete. */
export function partOf(target: string): string {
  return `${target}.part`;
}

/** How far they got. */
export function recordName(part: string): string {
  return `${part}.json`;
}

/** Where the file will stand, symbolic links resolved: what a link leads to is replaced, not the link. */
export async function targetOf(file: string): Promise<string> {
  try {
    const target = await realpath(file);
    if ((await stat(target)).isFile()) return target;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return file;
    throw error;
  }
  throw new ConfigError(`--output: ${file} is no regular file; without --output the events go to stdout`);
}

/** Undefined when there is none. */
export async function sizeOf(part: string): Promise<number | undefined> {
  try {
    return (await stat(part)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The note beside a partial file; undefined when nothing was written before the run was killed. */
export async function recordOf(part: string, size: number): Promise<ExportRecord | undefined> {
  let text: string;
  try {
    text = await readFile(recordName(part), 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    if (size === 0) return undefined;
    throw new ConfigError(`--output: ${part} is in the way, and without ${recordName(part)} it cannot be gone on with`);
  }
  try {
    return parseRecord(text);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new ConfigError(`--output: ${recordName(part)} cannot be read: ${error.message}; ${beginAnew(part)}`);
  }
}

/** Throws ConfigError when what is left cannot be gone on with, LockedError when another process does that. */
export async function checkLeft(left: ExportRecord, part: string, size: number, wanted: Wanted): Promise<void> {
  const { owner } = left;
  if (owner !== null && owner.pid !== process.pid && (await isAlive(owner)) === true) {
    throw new LockedError(`another export is writing ${part}: process ${owner.pid}`);
  }
  const difference = differenceOf(left, wanted);
  if (difference !== undefined) {
    throw new ConfigError(
      `--output: ${part} is a part of another export (${difference}): finish that one with its own options, ` +
        `choose another name, or ${beginAnew(part)}`,
    );
  }
  if (size < left.bytes) {
    throw new ConfigError(`--output: ${part} has ${size} bytes, and ${left.bytes} were written; ${beginAnew(part)}`);
  }
}

/** What to do when a partial export is of no use. */
export function beginAnew(part: string): string {
  return `remove ${part} and ${recordName(part)} to begin anew`;
}
