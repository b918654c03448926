import { OutputError, StateError, StdoutError, codeOf, messageOf } from '../lib/errors.ts';
import { restartHint } from './progress-record.ts';
import type { ExportTarget } from './target.ts';

/** How to get the rest; empty for stdout, where nothing can be resumed. */
export function resumeHint({ file }: Pick<ExportTarget, 'file'>): string {
  return file === undefined ? '' : `; run the same command again to resume from ${file.name}`;
}

/** An error of a poll in the words of an export, which no next run continues. */
export function asExportError(error: unknown, target: Pick<ExportTarget, 'file'>): unknown {
  if (error instanceof StdoutError) {
    const cause = error.cause ?? error;
    const what = codeOf(cause) === 'EPIPE' ? 'stdout was closed' : `cannot write to stdout: ${messageOf(cause)}`;
    return new StdoutError(`${what}; the export is not complete`, cause);
  }
  if (error instanceof StateError && target.file !== undefined) {
    return new StateError(`${error.message}; ${restartHint(target.file.name)}`, error);
  }
  if (error instanceof OutputError) return new OutputError(`${error.message}${resumeHint(target)}`, error);
  return error;
}
