import type { Readable } from 'node:stream';
import type { ByteRange, ObjectReader } from './storage-driver.ts';

/** Times that one read is taken up again, counted anew after each byte that comes. */
const MAX_RESUMPTIONS = 4;

/** First pause before a read is taken up again; each one after it is twice as long. */
const FIRST_PAUSE_MS = 100;

/** Opens an object's bytes; ranges as in HTTP, the end left out for all that follows. */
export type OpenRange = (range: { readonly start: number; readonly end: number | undefined }) => Promise<Readable>;

/**
 * Reads an object from a backend across the network. A stream that breaks off, after minutes of a large layer, is opened again
 * where it ended, so that the client of a pull sees nothing of it. What lies under a key that is read so never changes.
 *
 * @throws what the first `open` throws, such as ObjectNotFoundError
 */
export async function openResumingReader(open: OpenRange, range?: ByteRange): Promise<ObjectReader> {
  const start = range?.start ?? 0;
  const end = range?.end;
  const openQuietly: OpenRange = async (part) => {
    const stream = await open(part);
    // A stream that fails while nobody reads from it would otherwise end the process; its reader is told when it goes on.
    stream.on('error', () => {});
    return stream;
  };
  return new ResumingReader(openQuietly, start, end, await openQuietly({ start, end }));
}

class ResumingReader implements ObjectReader {
  readonly #open: OpenRange;
  readonly #end: number | undefined;
  #position: number;
  #stream: Readable;

  constructor(open: OpenRange, start: number, end: number | undefined, stream: Readable) {
    this.#open = open;
    this.#position = start;
    this.#end = end;
    this.#stream = stream;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let resumptions = 0;
    try {
      for (;;) {
        try {
          for await (const chunk of this.#stream as AsyncIterable<Uint8Array>) {
            this.#position += chunk.byteLength;
            resumptions = 0;
            yield chunk;
          }
          return;
        } catch (error) {
          if (resumptions === MAX_RESUMPTIONS || this.#isPastEnd()) throw error;
          this.#stream.destroy();
          await pause(FIRST_PAUSE_MS * 2 ** resumptions);
          resumptions += 1;
          this.#stream = await this.#open({ start: this.#position, end: this.#end });
        }
      }
    } finally {
      this.#stream.destroy();
    }
  }

  async close(): Promise<void> {
    this.#stream.destroy();
  }

  #isPastEnd(): boolean {
    return this.#end !== undefined && this.#position > this.#end;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
