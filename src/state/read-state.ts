import { readFile } from 'node:fs/promises';
import { StateError, codeOf, messageOf } from '../lib/errors.ts';
import { ShapeError } from '../lib/narrow.ts';
import { ifThere } from '../lib/read-file.ts';
import { NewerStateError, parseState } from './parse-state.ts';
import type { State } from './state.ts';

/** Added to what a command could not read. */
export function accessAdvice(error: unknown): string {
  return codeOf(error) === 'EACCES' ? ' (run it as the user that collects, or as root)' : '';
}

/**
 * The state in a file, for a command that only looks at it. Throws StateError, which says what to do, when there is none
 * or when it cannot be read.
 */
export async function readState(stateFile: string, provider: string): Promise<State> {
  const document = await ifThere(readFile(stateFile, 'utf8')).catch((error: unknown) => {
    throw new StateError(`cannot read the state file ${stateFile}: ${messageOf(error)}${accessAdvice(error)}`, error);
  });
  if (document === undefined) {
    throw new StateError(
      `there is no state file ${stateFile}: no run for ${provider} has saved anything there yet, ` +
        'or it keeps its state elsewhere (--state-file)',
    );
  }
  try {
    return parseState(document);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const consequence =
      error instanceof NewerStateError ? '' : '; the next run sets it aside and rebuilds it from the journal';
    throw new StateError(`the state file ${stateFile} cannot be parsed: ${error.message}${consequence}`, error);
  }
}
