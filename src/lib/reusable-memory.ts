/** Memory for one thing after the other: what it holds is good until capacity for the next is asked for. */
export class ReusableMemory {
  #bytes = Buffer.alloc(0);

  /** A buffer of at least so many bytes, the first `preserve` of which keep their values. */
  ensureCapacity(bytes: number, preserve = 0): Buffer {
    if (bytes > this.#bytes.length) {
      // A power of two: pages hardly ever have the same length, and not each should allocate.
      const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)));
      this.#bytes.copy(larger, 0, 0, preserve);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}
