/**
 * Pages that cost the server next to nothing, so that it is not what the benchmark measures: events cut from a
 * stencil, in which only identity and time are written anew. Event `n` of a contract happens at
 * `from + n * stepMs`, so a window is found by arithmetic, and any number of events takes no memory.
 */

import { makeIonosEvent } from '../sandbox/ionos-events.ts';
import { pageOf } from '../sandbox/ionos-page.ts';
import { withDefaults } from '../sandbox/options.ts';
import { createRandom } from '../sandbox/random.ts';

export interface Timeline {
  /** When the first event happens, in milliseconds since the epoch. */
  from: number;
  /** From each event to the next. */
  stepMs: number;
}

export interface Span {
  /** Milliseconds since the epoch, inclusive. */
  start: number;
  /** Exclusive. */
  end: number;
  offset: number;
  limit: number;
}

/** Different events on the stencil; after so many they come again, with another identity and time. */
const VARIETY = 1_000;
/** The last digits of an `@uuid`: 4 for the contract, 8 for the event. */
const NODE = 'abcdabcdefef';
const TIME = '2026-11-21T20:30:00.000Z';

/** An event on the stencil, as a hit with a comma behind it. */
interface Cut {
  readonly hit: Buffer;
  readonly nodeAt: number;
  readonly timeAt: number;
}

export class PreparedPages {
  readonly #timeline: Timeline;
  readonly #stencil: readonly Cut[];

  /** Events of so many bytes, all alike but for their values; of any length and shape where it is null. */
  constructor(sizeBytes: number | null, timeline: Timeline) {
    this.#timeline = timeline;
    const style = withDefaults({ sizeBytes });
    const random = createRandom(1);
    const place = { contract: '31721060', time: Date.parse(TIME), node: NODE };
    this.#stencil = Array.from({ length: VARIETY }, () => {
      const hit = Buffer.from(`{"_source":${makeIonosEvent(random, place, style).raw.toString()}},`);
      return { hit, nodeAt: hit.indexOf(NODE), timeAt: hit.indexOf(TIME) };
    });
  }

  /** The page of a contract with so many events, by its index among the contracts. */
  page(contract: number, events: number, { start, end, offset, limit }: Span): Buffer {
    const first = this.#eventsBefore(start, events);
    const total = Math.max(0, this.#eventsBefore(end, events) - first);
    const from = first + Math.min(offset, total);
    const to = first + Math.min(offset + limit, total);
    const frame = pageOf([], total, withDefaults({}));
    return from === to ? frame : this.#filled(frame, contract, from, to);
  }

  #eventsBefore(instant: number, events: number): number {
    const { from, stepMs } = this.#timeline;
    return Math.min(events, Math.max(0, Math.ceil((instant - from) / stepMs)));
  }

  /** `frame` with hits in its empty list, which stands before its last three bytes: `]}}`. */
  #filled(frame: Buffer, contract: number, from: number, to: number): Buffer {
    const listAt = frame.length - 3;
    const owner = hex(contract, 4);
    const cuts = Array.from({ length: to - from }, (_, index) => this.#cut(from + index));
    const page = Buffer.concat([frame.subarray(0, listAt), ...cuts.map(({ hit }) => hit), frame.subarray(listAt + 1)]);
    let at = listAt;
    for (const [index, { hit, nodeAt, timeAt }] of cuts.entries()) {
      const n = from + index;
      page.write(owner + hex(n, 8), at + nodeAt, 'latin1');
      page.write(new Date(this.#timeline.from + n * this.#timeline.stepMs).toISOString(), at + timeAt, 'latin1');
      at += hit.length;
    }
    page[at - 1] = frame[listAt] ?? 0; // over the last comma
    return page;
  }

  #cut(n: number): Cut {
    const cut = this.#stencil[n % VARIETY];
    if (cut === undefined) throw new RangeError(`there is no event ${n}`);
    return cut;
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
