/** Memory for one thing after the other: what it holds is good until room for the next is asked for. */
export class ReusableMemory {
  #bytes = Buffer.alloc(0);

  /** Room for so many bytes at least, of which the first `kept` are what they were. */
  room(bytes: number, kept = 0): Buffer {
    if (bytes > this.#bytes.length) {
      // A power of two: pages are hardly ever of the same length, and memory is not to be had anew for each.
      const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)));
      this.#bytes.copy(larger, 0, 0, kept);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}
