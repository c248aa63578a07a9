/** Memory that a buffer starts with, in bytes. */
const INITIAL_BYTES = 64 * 1024;

/** Bytes gathered one after the other, in memory that grows with them up to a limit. */
export class GrowingBuffer {
  #memory = Buffer.alloc(0);
  #size = 0;

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
      const capacity = Math.min(Math.max(needed, 2 * this.#memory.byteLength, INITIAL_BYTES), Math.max(needed, limit));
      const memory = Buffer.allocUnsafeSlow(capacity);
      this.bytes.copy(memory);
      this.#memory = memory;
    }
    this.#memory.set(bytes, this.#size);
    this.#size = needed;
  }

  /** Hands over everything gathered, and starts again with nothing. */
  take(): Buffer {
    const taken = this.bytes;
    this.#memory = Buffer.alloc(0);
    this.#size = 0;
    return taken;
  }
}
