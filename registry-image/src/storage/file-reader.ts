import { closeSync, read } from 'node:fs';
import type { ObjectReader } from './storage-driver.ts';

/** Bytes of one read. Node's own streams read 64 KiB, which costs two to three times the processor time per byte. */
const READ_BYTES = 512 * 1024;

/** Buffers kept for the next reader; more than these are in use only while more clients download at once. */
const MAX_IDLE_BUFFERS = 32;

const idleBuffers: Buffer[] = [];

const NOTHING = Buffer.alloc(0);

/**
 * Part of a file, in large reads through two buffers in turn. Fresh memory for each read would cost more than the read itself, and a
 * buffer can be used again because its consumer has done with it when it asks for more.
 */
export class FileReader implements ObjectReader {
  readonly #descriptor: number;
  readonly #end: number;
  readonly #buffers: Buffer[] = [];
  #position: number;
  #isClosed = false;

  /** @param end the byte after the last one; at most the size of the file */
  constructor(descriptor: number, start: number, end: number) {
    this.#descriptor = descriptor;
    this.#position = start;
    this.#end = end;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let reading = this.#readNext(0);
    try {
      for (let turn = 1; ; turn += 1) {
        const bytes = await reading;
        if (bytes.byteLength === 0) return;
        // The next piece is read while the consumer works on this one.
        reading = this.#readNext(turn % 2);
        reading.catch(() => {});
        yield bytes;
      }
    } finally {
      // A read under way must not hit a descriptor, or memory, that has been given to another.
      await reading.catch(() => {});
      for (const buffer of this.#buffers) giveBack(buffer);
      await this.close();
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // Of a file that was only read, this never waits for the disk.
    closeSync(this.#descriptor);
  }

  /** The next piece; nothing at the end. */
  async #readNext(turn: number): Promise<Buffer> {
    const left = this.#end - this.#position;
    if (left <= 0) return NOTHING;
    this.#buffers[turn] ??= takeBuffer(left);
    const buffer = this.#buffers[turn];
    const length = Math.min(buffer.byteLength, left);
    const bytesRead = await readInto(this.#descriptor, buffer, length, this.#position);
    if (bytesRead === 0) {
      throw new Error(`the file ends at byte ${this.#position}, before byte ${this.#end}: it was cut short`);
    }
    this.#position += bytesRead;
    return buffer.subarray(0, bytesRead);
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
  if (bytes < READ_BYTES / 2) return Buffer.allocUnsafe(bytes);
  return idleBuffers.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
}

function giveBack(buffer: Buffer): void {
  if (buffer.byteLength === READ_BYTES && idleBuffers.length < MAX_IDLE_BUFFERS) idleBuffers.push(buffer);
}
