import type { FileHandle } from 'node:fs/promises';
import type { ObjectReader } from './storage-driver.ts';

/** Bytes of one read. Node's own streams read 64 KiB, which costs two to three times the processor time per byte. */
const READ_BYTES = 512 * 1024;

/** Buffers kept for the next reader; more than these are in use only while more clients download at once. */
const MAX_IDLE_BUFFERS = 32;

const idleBuffers: Buffer[] = [];

/**
 * Part of a file, in large reads through one buffer. Fresh memory for each read would cost more than the read itself, and a buffer
 * can be used again because its consumer has done with it when it asks for more.
 */
export class FileReader implements ObjectReader {
  readonly #file: FileHandle;
  readonly #end: number;
  #position: number;

  /** @param end the byte after the last one; at most the size of the file */
  constructor(file: FileHandle, start: number, end: number) {
    this.#file = file;
    this.#position = start;
    this.#end = end;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const isSmall = this.#end - this.#position < READ_BYTES / 2;
    const buffer = isSmall
      ? Buffer.allocUnsafe(Math.max(0, this.#end - this.#position))
      : (idleBuffers.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES));
    try {
      while (this.#position < this.#end) {
        const length = Math.min(buffer.byteLength, this.#end - this.#position);
        const { bytesRead } = await this.#file.read(buffer, 0, length, this.#position);
        if (bytesRead === 0) {
          throw new Error(`the file ends at byte ${this.#position}, before byte ${this.#end}: it was cut short`);
        }
        this.#position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      if (!isSmall && idleBuffers.length < MAX_IDLE_BUFFERS) idleBuffers.push(buffer);
      await this.#file.close();
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
