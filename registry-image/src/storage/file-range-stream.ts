import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';

/** Bytes of one read. Node's own streams read 64 KiB, which costs two to three times the processor time per byte. */
const READ_BYTES = 512 * 1024;

/**
 * Part of a file as a stream, in large reads, one ahead of the consumer at most. Closes the file when it ends or is destroyed.
 *
 * Each chunk has memory of its own: a consumer may keep it, and a socket does until its write is done, so a stream cannot know
 * when a chunk could be used again.
 */
export class FileRangeStream extends Readable {
  readonly #file: FileHandle;
  readonly #end: number;
  #position: number;

  /** @param end the byte after the last one; at most the size of the file */
  constructor(file: FileHandle, start: number, end: number) {
    super({ highWaterMark: READ_BYTES });
    this.#file = file;
    this.#position = start;
    this.#end = end;
  }

  override _read(): void {
    const length = Math.min(READ_BYTES, this.#end - this.#position);
    if (length <= 0) {
      this.push(null);
      return;
    }
    const buffer = Buffer.allocUnsafeSlow(length);
    this.#file.read(buffer, 0, length, this.#position).then(
      ({ bytesRead }) => {
        if (bytesRead === 0) {
          this.destroy(
            new Error(`the file ends at byte ${this.#position}, before byte ${this.#end}: it was cut short`),
          );
          return;
        }
        this.#position += bytesRead;
        this.push(buffer.subarray(0, bytesRead));
      },
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Waits for a read under way, so that it never hits a descriptor that has been given to another file.
    this.#file.close().then(
      () => callback(error),
      (failure: Error) => callback(error ?? failure),
    );
  }
}
