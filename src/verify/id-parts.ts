import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventId, ID_WORDS } from '../events/event-id.ts';

const PARTS = 256;
const WORDS = ID_WORDS + 2;
/** This many records of a part stay in memory before they go to its file. */
const BUFFERED = 2_048;

/** Where an event was found. */
export const SIDES = ['delivered', 'excluded', 'set_aside', 'redelivered', 'api', 'arrived'] as const;
export type Side = (typeof SIDES)[number];

export interface IdRecord {
  readonly id: EventId;
  /** Epoch seconds. */
  readonly second: number;
  readonly side: Side;
  /** An index into the caller's list of sources. */
  readonly source: number;
  readonly isNamed: boolean;
}

/** Any number of ids, divided into parts by their first bits, so that one part at a time fits into memory. */
export class IdParts {
  readonly #buffers = Array.from({ length: PARTS }, () => new Int32Array(WORDS * BUFFERED));
  readonly #lengths = new Int32Array(PARTS);
  readonly #spilled = new Set<number>();
  #folder: string | undefined;

  add({ id, second, side, source, isNamed }: IdRecord): void {
    const part = id.a >>> 24;
    const buffer = this.#buffers[part];
    if (buffer === undefined) return;
    const at = WORDS * (this.#lengths[part] ?? 0);
    const what = (source << 4) | (SIDES.indexOf(side) << 1) | (isNamed ? 1 : 0);
    id.put(buffer, at);
    buffer[at + 5] = second;
    buffer[at + 6] = what;
    const length = (this.#lengths[part] ?? 0) + 1;
    this.#lengths[part] = length;
    if (length === BUFFERED) this.#spill(part, buffer);
  }

  /** The records of each part. */
  *parts(): Generator<Iterable<IdRecord>> {
    for (const [part, buffer] of this.#buffers.entries()) {
      yield this.#records(part, buffer);
    }
  }

  close(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  *#records(part: number, buffer: Int32Array): Generator<IdRecord> {
    if (this.#spilled.has(part)) {
      const bytes = readFileSync(this.#file(part));
      yield* recordsOf(new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4));
    }
    yield* recordsOf(buffer.subarray(0, WORDS * (this.#lengths[part] ?? 0)));
  }

  #spill(part: number, buffer: Int32Array): void {
    appendFileSync(this.#file(part), Buffer.from(buffer.buffer), { mode: 0o600 });
    this.#spilled.add(part);
    this.#lengths[part] = 0;
  }

  #file(part: number): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'fetch-activity-logs-verify-'));
    return join(this.#folder, String(part));
  }
}

function* recordsOf(words: Int32Array): Generator<IdRecord> {
  for (let at = 0; at < words.length; at += WORDS) {
    const what = words[at + 6] ?? 0;
    yield {
      id: EventId.in(words, at),
      second: (words[at + 5] ?? 0) >>> 0,
      side: SIDES[(what >> 1) & 7] ?? 'api',
      source: what >>> 4,
      isNamed: (what & 1) === 1,
    };
  }
}
