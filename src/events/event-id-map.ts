import { Identity } from './event-id.ts';

/** Room for so many at first. */
const FIRST_CAPACITY = 64;

/**
 * A number for each identity, in the order in which they came; whoever wants a set gives them any. A Map of objects
 * would not find one that is equal, and Maps of their texts took a fifth of a backlog's time, most of it for garbage:
 * this is made of typed arrays, and makes none.
 */
export class IdentityMap {
  #size = 0;
  /** Four for each identity. */
  #words = new Int32Array(4 * FIRST_CAPACITY);
  #values = new Float64Array(FIRST_CAPACITY);
  /** The place, plus 1, of the first identity of each bucket and of the one that follows in the same; 0 ends it. */
  #buckets = new Int32Array(FIRST_CAPACITY);
  #following = new Int32Array(FIRST_CAPACITY);

  get size(): number {
    return this.#size;
  }

  /** Gives the identity this value, unless it is there already. False when it is. */
  add(id: Identity, value: number): boolean {
    const bucket = this.#bucket(id.a, id.b, id.c, id.d);
    if (this.#find(id, bucket) >= 0) return false;
    this.#append(id, bucket, value);
    return true;
  }

  /** Gives the identity this value, in place of the one that it had, which is returned. */
  set(id: Identity, value: number): number | undefined {
    const bucket = this.#bucket(id.a, id.b, id.c, id.d);
    const place = this.#find(id, bucket);
    const before = this.#values[place];
    if (place < 0) this.#append(id, bucket, value);
    else this.#values[place] = value;
    return before;
  }

  /** Removes all of them, and keeps the room for as many. */
  clear(): void {
    this.#size = 0;
    this.#buckets.fill(0);
  }

  /** Removes those whose value is less. */
  deleteBelow(least: number): void {
    const words = this.#words;
    const values = this.#values;
    let kept = 0;
    for (let place = 0; place < this.#size; place++) {
      const value = values[place] ?? 0;
      if (value < least) continue;
      if (kept < place) {
        for (let word = 0; word < 4; word++) words[4 * kept + word] = words[4 * place + word] ?? 0;
        values[kept] = value;
      }
      kept++;
    }
    if (kept === this.#size) return;
    this.#size = kept;
    this.#link();
  }

  /** Those with such values; all, unless told. */
  *entries(isWanted: (value: number) => boolean = () => true): Generator<[Identity, number]> {
    for (let place = 0; place < this.#size; place++) {
      const value = this.#values[place] ?? 0;
      if (!isWanted(value)) continue;
      const words = this.#words;
      const at = 4 * place;
      const id = new Identity(words[at] ?? 0, words[at + 1] ?? 0, words[at + 2] ?? 0, words[at + 3] ?? 0);
      yield [id, value];
    }
  }

  /** Its place; -1 when it is not there. */
  #find({ a, b, c, d }: Identity, bucket: number): number {
    const words = this.#words;
    const following = this.#following;
    let next = this.#buckets[bucket] ?? 0;
    while (next > 0) {
      const at = 4 * (next - 1);
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) break;
      next = following[next - 1] ?? 0;
    }
    return next - 1;
  }

  #append({ a, b, c, d }: Identity, bucket: number, value: number): void {
    const place = this.#size++;
    const words = this.#words;
    words[4 * place] = a;
    words[4 * place + 1] = b;
    words[4 * place + 2] = c;
    words[4 * place + 3] = d;
    this.#values[place] = value;
    this.#following[place] = this.#buckets[bucket] ?? 0;
    this.#buckets[bucket] = place + 1;
    if (this.#size === this.#values.length) this.#grow();
  }

  #grow(): void {
    const [words, values] = [this.#words, this.#values];
    this.#words = new Int32Array(2 * words.length);
    this.#words.set(words);
    this.#values = new Float64Array(2 * values.length);
    this.#values.set(values);
    this.#buckets = new Int32Array(2 * values.length);
    this.#following = new Int32Array(2 * values.length);
    this.#link();
  }

  /** Puts all of them into their buckets. */
  #link(): void {
    const words = this.#words;
    this.#buckets.fill(0);
    for (let place = 0; place < this.#size; place++) {
      const at = 4 * place;
      const bucket = this.#bucket(words[at] ?? 0, words[at + 1] ?? 0, words[at + 2] ?? 0, words[at + 3] ?? 0);
      this.#following[place] = this.#buckets[bucket] ?? 0;
      this.#buckets[bucket] = place + 1;
    }
  }

  /** Some UUIDs differ in a few bits only, anywhere: each bit counts (the odd factors are those of MurmurHash3). */
  #bucket(a: number, b: number, c: number, d: number): number {
    let bits = Math.imul(a, 0x85ebca6b) ^ b;
    bits = Math.imul(bits ^ (bits >>> 15), 0xc2b2ae35) ^ c;
    bits = Math.imul(bits ^ (bits >>> 13), 0x85ebca6b) ^ d;
    bits = Math.imul(bits ^ (bits >>> 16), 0xc2b2ae35);
    return (bits ^ (bits >>> 15)) & (this.#buckets.length - 1);
  }
}
