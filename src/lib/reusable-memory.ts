/** Memory that is used again: its content is valid until the next call of `ensureCapacity`. */
export class ReusableMemory {
  #bytes = Buffer.alloc(0);

  /** A buffer of at least this many bytes, the first `preserve` of which keep their values. */
  ensureCapacity(bytes: number, preserve = 0): Buffer {
    if (bytes > this.#bytes.length) {
      // A power of two: page lengths vary, and not every page should allocate.
      const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)));
      this.#bytes.copy(larger, 0, 0, preserve);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}
