import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StateError, messageOf } from '../lib/errors.ts';
import { toLines, type EventSlice } from '../events/event.ts';
import { FieldScanner, type FieldPath } from '../events/field-scanner.ts';
import { depthOfLastValue, endOfValue } from '../events/json-values.ts';
import type { Log } from '../lib/log.ts';
import type { Source } from '../providers/provider.ts';
import type { SourceProgress } from '../state/source-progress.ts';

/** An event that Fluent Bit has refused in so many runs is set aside. */
const MAX_STRIKES = 3;
/** Nested one level deeper, an event makes Fluent Bit lose what follows it in the same chunk (measured with 5.1.1). */
const MAX_DEPTH = 63;
const MODE = 0o600;
const LF = 0x0a;

export interface PreparationOptions {
  readonly addFields: ((event: EventSlice, source: Source) => EventSlice) | undefined;
  readonly maxLineBytes: number;
  /** Files for what cannot be printed as it is stand beside this one; undefined: everything is printed as it is. */
  readonly stateFile: string | undefined;
  /** What a stub keeps of an event that is too long. */
  readonly stubFields: readonly FieldPath[];
  readonly log: Log;
}

/** Turns events into what is printed: fields added, too long ones replaced by a stub, refused ones set aside. */
export class Preparation {
  readonly #options: PreparationOptions;
  readonly #stubFields: FieldScanner;

  constructor(options: PreparationOptions) {
    this.#options = options;
    this.#stubFields = new FieldScanner(options.stubFields);
  }

  /** What is to be printed in the place of these events. Throws StateError when one cannot be set aside. */
  async prepare(
    events: readonly EventSlice[],
    source: Source,
    progress: SourceProgress,
  ): Promise<readonly EventSlice[]> {
    const { addFields, maxLineBytes, stateFile } = this.#options;
    const lines = addFields === undefined ? events : events.map((event) => addFields(event, source));
    if (stateFile === undefined) return lines;
    if (
      lines.every((line) => fits(line, maxLineBytes)) &&
      events.every((event) => progress.strikesOf(event) < MAX_STRIKES)
    )
      return lines;

    const prepared: EventSlice[] = [];
    for (const [index, event] of events.entries()) {
      const line = lines[index] ?? event;
      if (progress.strikesOf(event) >= MAX_STRIKES) await this.#reject(line, source, progress, stateFile);
      else if (fits(line, maxLineBytes)) prepared.push(line);
      else prepared.push(await this.#shorten(event, source, progress, stateFile));
    }
    return prepared;
  }

  async #reject(line: EventSlice, source: Source, progress: SourceProgress, stateFile: string): Promise<void> {
    const file = join(dirname(stateFile), 'rejected.jsonl');
    await appendDurably(file, toLines([line]));
    progress.state.rejected++;
    this.#options.log.error(
      `${source.name}: Fluent Bit has refused an event in ${MAX_STRIKES} runs; it is kept in ${file}, and the others go on`,
    );
  }

  async #shorten(event: EventSlice, source: Source, progress: SourceProgress, stateFile: string): Promise<EventSlice> {
    const { addFields, maxLineBytes, log } = this.#options;
    const file = join(dirname(stateFile), 'oversize.jsonl');
    const bytes = event.end - event.start;
    await appendDurably(file, toLines([event]));
    progress.state.oversize++;
    log.warn(
      `${source.name}: an event of ${bytes} bytes, ${event.depth} levels deep, is too much for Fluent Bit; ` +
        `it is kept in ${file}, and a stub is printed`,
    );
    const room = maxLineBytes - file.length - 1_000;
    const stub = { ...event, ...this.#stub(event, `{"bytes":${bytes},"file":${JSON.stringify(file)}}`, room) };
    const extended = addFields === undefined ? stub : addFields(stub, source);
    return fits(extended, maxLineBytes) ? extended : stub;
  }

  /** The event's own bytes of the fields that identify it, as long as there is room, and where the rest is. */
  #stub(event: EventSlice, truncated: string, room: number): Pick<EventSlice, 'json' | 'start' | 'end' | 'depth'> {
    this.#stubFields.scan(event.json, event.start);
    const kept: Nested = new Map();
    let left = room;
    let depth = 2;
    for (const [index, path] of this.#options.stubFields.entries()) {
      const span = this.#stubFields.field(index);
      if (span === undefined || span.end - span.start > left) continue;
      endOfValue(event.json, span.start);
      if (path.length + depthOfLastValue > MAX_DEPTH) continue;
      depth = Math.max(depth, path.length + depthOfLastValue);
      left -= span.end - span.start;
      put(kept, path, event.json.toString('utf8', span.start, span.end));
    }
    kept.set('_truncated', truncated);
    const json = Buffer.from(render(kept));
    return { json, start: 0, end: json.length, depth };
  }
}

/** Whether Fluent Bit takes it: not too deep, and not too long, line breaks between tokens not counted. */
function fits(event: EventSlice, maxLineBytes: number): boolean {
  if (event.depth > MAX_DEPTH) return false;
  return event.end - event.start <= maxLineBytes || toLines([event]).length - 1 <= maxLineBytes;
}

/** JSON texts by key, nested. */
type Nested = Map<string, string | Nested>;

function put(into: Nested, [key = '', ...below]: FieldPath, json: string): void {
  if (below.length === 0) {
    into.set(key, json);
    return;
  }
  const inner = into.get(key);
  const nested: Nested = inner instanceof Map ? inner : new Map<string, string | Nested>();
  into.set(key, nested);
  put(nested, below, json);
}

function render(object: Nested): string {
  const members = [...object].map(
    ([key, value]) => `${JSON.stringify(key)}:${typeof value === 'string' ? value : render(value)}`,
  );
  return `{${members.join(',')}}`;
}

/** On the disk when it returns. */
async function appendDurably(file: string, bytes: Buffer): Promise<void> {
  try {
    const handle = await open(file, 'a+', MODE);
    try {
      await handle.chmod(MODE);
      const { size } = await handle.stat();
      const last = Buffer.alloc(1);
      // A run that was killed while it wrote, or a full disk, leaves half a line.
      if (size > 0 && (await handle.read(last, 0, 1, size - 1)).bytesRead === 1 && last[0] !== LF) {
        await handle.appendFile('\n');
      }
      await handle.appendFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new StateError(`cannot write ${file}: ${messageOf(error)}`, error);
  }
}
