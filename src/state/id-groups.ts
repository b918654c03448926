import { ID_WORDS, MAX_ID_LENGTH, writeId, type EventId } from '../events/event-id.ts';

const FIRST_CAPACITY = 16;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN = 0x7b;
const CLOSE = 0x7d;
/** At most, what an id adds to a line besides itself, where it is the only one of its second: `,"<12 digits>":[""]`. */
const GROUP_BYTES = 20;

/**
 * Ids that the journal's next line will have, with the second (epoch) of each. As an object for each id, which lives
 * until the line is written, they and their garbage made up a fifth of the CPU time of a backlog.
 */
export class IdGroups {
  #size = 0;
  #words = new Int32Array(ID_WORDS * FIRST_CAPACITY);
  #seconds = new Float64Array(FIRST_CAPACITY);
  #isSorted = true;

  add(id: EventId, second: number): void {
    const place = this.#size++;
    if (place === this.#seconds.length) this.#grow();
    id.put(this.#words, ID_WORDS * place);
    this.#seconds[place] = second;
    if (place > 0 && second < (this.#seconds[place - 1] ?? 0)) this.#isSorted = false;
  }

  /** Removes all ids and keeps the memory. */
  clear(): void {
    this.#size = 0;
    this.#isSorted = true;
  }

  /** How many bytes `write` takes at most. */
  get maxBytes(): number {
    return 2 + this.#size * (MAX_ID_LENGTH + GROUP_BYTES);
  }

  /** Writes `{"<second>":["<id>",…],…}`, seconds in order, and returns its end. */
  write(into: Buffer, start: number): number {
    const words = this.#words;
    let at = start;
    let before: number | undefined;
    into[at++] = OPEN;
    for (const place of this.#order()) {
      const second = this.#seconds[place] ?? 0;
      if (second !== before) {
        if (before !== undefined) at += into.write('],', at, 'latin1');
        at += into.write(`"${second}":`, at, 'latin1');
      }
      into[at++] = second === before ? COMMA : OPEN_LIST;
      into[at++] = QUOTE;
      const w = ID_WORDS * place;
      at = writeId(into, at, words[w], words[w + 1], words[w + 2], words[w + 3], words[w + 4]);
      into[at++] = QUOTE;
      before = second;
    }
    if (before !== undefined) into[at++] = CLOSE_LIST;
    into[at++] = CLOSE;
    return at;
  }

  #order(): Uint32Array {
    const order = new Uint32Array(this.#size);
    for (let place = 0; place < order.length; place++) order[place] = place;
    const seconds = this.#seconds;
    return this.#isSorted ? order : order.sort((one, other) => (seconds[one] ?? 0) - (seconds[other] ?? 0));
  }

  #grow(): void {
    const [words, seconds] = [this.#words, this.#seconds];
    this.#words = new Int32Array(2 * words.length);
    this.#words.set(words);
    this.#seconds = new Float64Array(2 * seconds.length);
    this.#seconds.set(seconds);
  }
}
