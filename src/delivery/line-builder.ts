import { dirname, join } from 'node:path';
import { appendDurably } from '../lib/durable-file.ts';
import { StateError, messageOf } from '../lib/errors.ts';
import { counted } from '../lib/words.ts';
import { toLines, type EventSlice } from '../events/event.ts';
import type { FieldPath } from '../events/wanted-fields.ts';
import type { Log } from '../lib/log.ts';
import type { Source } from '../providers/provider.ts';
import type { SourceState } from '../state/state.ts';
import { MAX_REFUSALS, hasRefusals, refusalsOf } from './refusals.ts';
import { StubWriter } from './stub.ts';

/** After an event nested one level deeper, Fluent Bit loses the rest of the chunk (measured with 5.1.1). */
const MAX_DEPTH = 63;

export interface LineBuilderOptions {
  readonly addFields: ((event: EventSlice, source: Source) => EventSlice) | undefined;
  readonly maxLineBytes: number;
  /** Events that cannot be printed are stored beside this file; undefined: everything is printed as it is. */
  readonly stateFile: string | undefined;
  /** The fields of a stub. */
  readonly stubFields: readonly FieldPath[];
  readonly log: Log;
}

/** What is printed for some events. */
interface Lines {
  readonly lines: readonly EventSlice[];
  /** How many of the events became a stub, and how many were set aside. */
  readonly oversize: number;
  readonly rejected: number;
}

/** Turns events into lines: fields added, events that are too long replaced by a stub, refused ones set aside. */
export class LineBuilder {
  readonly #options: LineBuilderOptions;
  readonly #stubs: StubWriter;

  constructor(options: LineBuilderOptions) {
    this.#options = options;
    this.#stubs = new StubWriter(options.stubFields, MAX_DEPTH);
  }

  /** The lines for these events. Throws StateError when one cannot be set aside. */
  async build(events: readonly EventSlice[], source: Source, state: Pick<SourceState, 'strikes'>): Promise<Lines> {
    const { addFields, maxLineBytes, stateFile } = this.#options;
    const extended = addFields === undefined ? events : events.map((event) => addFields(event, source));
    const isPlain = extended.every((line) => fits(line, maxLineBytes)) && !hasRefusals(state);
    if (stateFile === undefined || isPlain) return { lines: extended, oversize: 0, rejected: 0 };

    const lines: EventSlice[] = [];
    let oversize = 0;
    let rejected = 0;
    for (const [index, event] of events.entries()) {
      const line = extended[index] ?? event;
      if (refusalsOf(event, state) >= MAX_REFUSALS) {
        await this.#reject(line, source, stateFile);
        rejected++;
      } else if (fits(line, maxLineBytes)) lines.push(line);
      else {
        lines.push(await this.#shorten(event, source, stateFile));
        oversize++;
      }
    }
    return { lines, oversize, rejected };
  }

  /** Stores what the API sent in place of events. Throws StateError when it cannot be stored. */
  async reject(bad: readonly EventSlice[], source: Source): Promise<void> {
    const { log, stateFile } = this.#options;
    const file = stateFile === undefined ? undefined : join(dirname(stateFile), 'rejected.jsonl');
    for (const event of bad) {
      if (file !== undefined) await setAside(file, event);
      const where = file === undefined ? 'they were left out' : `they are stored in ${file}`;
      log.error(
        `${source.name}: the API sent ${counted(event.end - event.start, 'byte')} that are not an event in the place of one; ` +
          `${where}, and the other events follow`,
      );
    }
  }

  async #reject(line: EventSlice, source: Source, stateFile: string): Promise<void> {
    const file = join(dirname(stateFile), 'rejected.jsonl');
    await setAside(file, line);
    this.#options.log.error(
      `${source.name}: Fluent Bit refused an event in ${MAX_REFUSALS} runs; it is stored in ${file}, and the next ` +
        'events follow',
    );
  }

  async #shorten(event: EventSlice, source: Source, stateFile: string): Promise<EventSlice> {
    const { addFields, maxLineBytes, log } = this.#options;
    const file = join(dirname(stateFile), 'oversize.jsonl');
    const bytes = event.end - event.start;
    await setAside(file, event);
    log.warn(
      `${source.name}: an event of ${counted(bytes, 'byte')}, ${counted(event.depth, 'level')} deep, exceeds Fluent Bit's limits; ` +
        `it is stored in ${file}, and a stub was printed instead`,
    );
    const truncated = `{"bytes":${bytes},"file":${JSON.stringify(file)}}`;
    const stub = this.#stubs.write(event, truncated, maxLineBytes - file.length - 1_000);
    const extended = addFields === undefined ? stub : addFields(stub, source);
    return fits(extended, maxLineBytes) ? extended : stub;
  }
}

/** Whether Fluent Bit takes the event: not too deep and, without line breaks between tokens, not too long. */
function fits(event: EventSlice, maxLineBytes: number): boolean {
  if (event.depth > MAX_DEPTH) return false;
  return event.end - event.start <= maxLineBytes || toLines([event]).length - 1 <= maxLineBytes;
}

/** Appends an event to a file; it is on the disk when this returns. */
async function setAside(file: string, event: EventSlice): Promise<void> {
  try {
    await appendDurably(file, toLines([event]));
  } catch (error) {
    throw new StateError(`cannot write ${file}: ${messageOf(error)}`, error);
  }
}
