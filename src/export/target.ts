import type { Config } from '../config/config.ts';
import { OutputError, StateError, StdoutError, codeOf, messageOf } from '../lib/errors.ts';
import type { ExportRange, ExportRequest } from '../config/export-request.ts';
import { Outlet } from '../delivery/outlet.ts';
import { PartialFile } from './partial-file.ts';
import { beginAnew } from '../partial-left.ts';
import { emptyStore, type Store } from '../state/state-store.ts';
import type { World } from '../lib/world.ts';

/** Where an export goes, and what is known of the sources there. */
export interface ExportTarget {
  readonly outlet: Pick<Outlet, 'print'>;
  readonly store: Store;
  /** The one that it was begun with. */
  readonly range: ExportRange;
  /** Undefined for stdout. */
  readonly file: PartialFile | undefined;
  /** Whether an earlier run has written some of it. */
  readonly isBegun: boolean;
  /** Lets go of it, complete or not. */
  close(): Promise<void> | void;
}

/** stdout, which cannot be gone on with, or a file, which can. Throws ConfigError or LockedError. */
export async function openTarget(request: ExportRequest, config: Config, world: World): Promise<ExportTarget> {
  const { output, range, format } = request;
  if (output === undefined) {
    const outlet = new Outlet(world.stdout);
    return {
      outlet,
      store: emptyStore(),
      range,
      file: undefined,
      isBegun: false,
      close: () => outlet.close(),
    };
  }
  const parameters = {
    provider: config.provider.name,
    'api-url': config.apiUrl.href,
    contract: [...config.contracts].sort().join(','),
    format,
    'add-fields': format === 'csv' ? '' : config.addFields.join(','),
  };
  const file = await PartialFile.open(output, { range, parameters }, world.now);
  return { outlet: file, store: file, range: file.range, file, isBegun: file.bytes > 0, close: () => file.close() };
}

/** How to get the rest; empty where there is no way. */
export function howToGoOn({ file }: ExportTarget): string {
  return file === undefined ? '' : `; ${file.name} has what came so far, and the same command goes on from there`;
}

/** An error of a poll in the words of an export: no next run comes by itself. */
export function inWordsOfExport(error: unknown, target: ExportTarget): unknown {
  if (error instanceof StdoutError) {
    const cause = error.cause ?? error;
    const what = codeOf(cause) === 'EPIPE' ? 'stdout was closed' : `cannot write to stdout: ${messageOf(cause)}`;
    return new StdoutError(`${what}; the export is not complete`, cause);
  }
  if (error instanceof StateError && target.file !== undefined) {
    return new StateError(`${error.message}; ${beginAnew(target.file.name)}`, error);
  }
  if (error instanceof OutputError) return new OutputError(`${error.message}${howToGoOn(target)}`, error);
  return error;
}
