/** Memory that a buffer starts with, in bytes. */
const INITIAL_BYTES = 64 * 1024;

/**
 * Bytes gathered one after the other, in memory that grows with them up to a limit. Once they have filled it, they probably will
 * again: then it has its full size from the start, for growing leaves more garbage behind than there are bytes.
 */
export class GrowingBuffer {
  #memory = Buffer.alloc(0);
  #size = 0;
  #wasFull = false;

  get size(): number {
    return this.#size;
  }

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#size);
  }

  /** Copies bytes to the end, so that their memory can be used again. @param limit bytes that the buffer may grow to hold */
  append(bytes: Uint8Array, limit: number): void {
    const needed = this.#size + bytes.byteLength;
    if (needed > this.#memory.byteLength) {
      const wanted = this.#wasFull ? limit : 2 * this.#memory.byteLength;
      const capacity = Math.min(Math.max(needed, wanted, INITIAL_BYTES), Math.max(needed, limit));
      const memory = Buffer.allocUnsafeSlow(capacity);
      this.bytes.copy(memory);
      this.#memory = memory;
    }
    this.#memory.set(bytes, this.#size);
    this.#size = needed;
    this.#wasFull ||= needed >= limit;
  }

  /** Hands over everything gathered, and starts again with nothing. */
  take(): Buffer {
    const taken = this.bytes;
    this.#memory = Buffer.alloc(0);
    this.#size = 0;
    return taken;
  }
}
