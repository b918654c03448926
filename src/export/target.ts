import { createHash } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { ExportRange, ExportRequest } from '../config/export-request.ts';
import { Outlet } from '../delivery/outlet.ts';
import type { World } from '../lib/world.ts';
import { emptyStore, type Store } from '../state/store.ts';
import { PartialFile } from './partial-file.ts';
import type { SourceTally } from './progress-record.ts';
import { sha256Of } from './report.ts';

/** Where an export goes, and how far it got there. */
export interface ExportTarget {
  readonly outlet: Pick<Outlet, 'print'>;
  readonly store: Store;
  /** The range that it started with. */
  range: ExportRange;
  /** Undefined for stdout. */
  readonly file: PartialFile | undefined;
  readonly tallies: Record<string, SourceTally>;
  /** The size of what was written and its SHA-256. Called when everything is written. */
  digest(): Promise<{ readonly bytes: number; readonly sha256: string }>;
  /** Whether an earlier run has written a part of it. */
  readonly isResumed: boolean;
  close(): Promise<void> | void;
}

/** stdout, where nothing can be resumed, or a file, where everything can. Throws ConfigError or LockedError. */
export async function openTarget(request: ExportRequest, config: Config, world: World): Promise<ExportTarget> {
  const { output, format, separator, isForced } = request;
  const range = request.rangeAt(world.now());
  if (output === undefined) {
    const outlet = new Outlet(world.stdout);
    const hash = createHash('sha256');
    let bytes = 0;
    return {
      outlet: {
        print: async (lines, giveUp, wrapUp) => {
          hash.update(lines);
          bytes += lines.length;
          return outlet.print(lines, giveUp, wrapUp);
        },
      },
      tallies: {},
      digest: () => Promise.resolve({ bytes, sha256: hash.digest('hex') }),
      store: emptyStore(world.now),
      range,
      file: undefined,
      isResumed: false,
      close: () => outlet.close(),
    };
  }
  const parameters = {
    provider: config.provider.name,
    'api-url': config.apiUrl.href,
    contract: [...config.contracts].sort().join(','),
    format,
    separator: format === 'csv' ? separator : '',
    'add-fields': format === 'csv' ? '' : config.addFields.join(','),
  };
  const file = await PartialFile.open(output, { range, parameters }, { isForced, now: world.now });
  return {
    outlet: file,
    store: file,
    get range() {
      return file.range;
    },
    set range(corrected) {
      file.range = corrected;
    },
    file,
    tallies: file.tallies,
    digest: async () => ({ bytes: file.bytes, sha256: await sha256Of(file.target) }),
    isResumed: file.bytes > 0,
    close: () => file.close(),
  };
}
