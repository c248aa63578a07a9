import { closeSync, read } from 'node:fs';
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
  readonly #descriptor: number;
  readonly #end: number;
  #position: number;
  #isClosed = false;

  /** @param end the byte after the last one; at most the size of the file */
  constructor(descriptor: number, start: number, end: number) {
    this.#descriptor = descriptor;
    this.#position = start;
    this.#end = end;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const buffer = takeBuffer(this.#end - this.#position);
    try {
      while (this.#position < this.#end) {
        const length = Math.min(buffer.byteLength, this.#end - this.#position);
        const bytesRead = await readInto(this.#descriptor, buffer, length, this.#position);
        if (bytesRead === 0) {
          throw new Error(`the file ends at byte ${this.#position}, before byte ${this.#end}: it was cut short`);
        }
        this.#position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      giveBack(buffer);
      await this.close();
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // Of a file that was only read, this never waits for the disk.
    closeSync(this.#descriptor);
  }
}

/** By callback: the promises of `node:fs/promises` cost a tenth more on each read. */
function readInto(descriptor: number, buffer: Buffer, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, 0, length, position, (error, bytesRead) => {
      if (error) reject(error);
      else resolve(bytesRead);
    });
  });
}

function takeBuffer(bytes: number): Buffer {
  if (bytes < READ_BYTES / 2) return Buffer.allocUnsafe(Math.max(0, bytes));
  return idleBuffers.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
}

function giveBack(buffer: Buffer): void {
  if (buffer.byteLength === READ_BYTES && idleBuffers.length < MAX_IDLE_BUFFERS) idleBuffers.push(buffer);
}
