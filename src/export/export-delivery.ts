import type { Config } from '../config/config.ts';
import type { ExportRequest } from '../config/export-request.ts';
import { printedIsDelivered } from '../delivery/acknowledgement.ts';
import { fieldAdder } from '../delivery/add-fields.ts';
import { Delivery } from '../delivery/delivery.ts';
import type { EventSlice } from '../events/event.ts';
import type { Log } from '../lib/log.ts';
import type { Run } from '../lib/run.ts';
import { BYTE_ORDER_MARK, csvHeader, csvWriter } from './csv.ts';
import type { SourceTally } from './progress-record.ts';
import { tallyEvent } from './report.ts';
import type { ExportTarget } from './target.ts';

interface Exporting {
  readonly config: Config;
  readonly log: Log;
  readonly run: Run;
}

/** Prints what comes before the first event: the names of the columns. */
export async function printHeader(
  { config, run }: Exporting,
  { format, separator }: ExportRequest,
  { file, isResumed, outlet }: ExportTarget,
): Promise<void> {
  if (format !== 'csv' || isResumed) return;
  const header = csvHeader(config.provider, separator);
  // The reader of a pipe would take the mark for a part of the first column's name.
  await outlet.print(file === undefined ? header : Buffer.concat([BYTE_ORDER_MARK, header]), run.giveUp);
}

/** Delivers the events of an export into its target, and keeps its tallies. */
export function deliveryOf({ config, log, run }: Exporting, request: ExportRequest, target: ExportTarget): Delivery {
  const toLine = lineMaker(config, request);
  return new Delivery({
    outlet: target.outlet,
    lineBuilder: {
      build: (events, source) => {
        const tally = tallyOf(source.name, '', target.tallies);
        for (const { time } of events) tallyEvent(tally, time);
        return Promise.resolve({ lines: events.map((event) => toLine(event, source)), oversize: 0, rejected: 0 });
      },
      reject: async (bad, source) => {
        await target.file?.reject(bad);
        for (const { json, start, end } of bad) {
          const text = JSON.stringify(json.toString('utf8', start, end)).slice(0, 200);
          log.error(`${source.name}: left out, since it is not an event: ${text}`);
        }
      },
    },
    acknowledgement: printedIsDelivered(target.store),
    store: target.store,
    run,
  });
}

/** Makes the function that turns an event into a line of the output. */
function lineMaker({ addFields, provider }: Config, { format, separator }: ExportRequest) {
  if (format === 'csv') return csvWriter(provider, separator);
  return addFields.length > 0 ? fieldAdder(addFields, provider) : (event: EventSlice) => event;
}

/** What is known of the events that were written of a source. */
export function tallyOf(name: string, cursor: string, tallies: Record<string, SourceTally>): SourceTally {
  return (tallies[name] ??= { first: null, last: null, counted: 0, countedUpTo: cursor });
}
