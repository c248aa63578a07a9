import type { Readable } from 'node:stream';
import type { ByteRange, ObjectReader } from './storage-driver.ts';

/** Times that one read is taken up again, counted anew after each byte that comes. */
const MAX_RESUMPTIONS = 4;

/** First pause before a read is taken up again; each one after it is twice as long. */
const FIRST_PAUSE_MS = 100;

/** How long a backend may leave its reader waiting for the next byte before the read is taken up again. */
const IDLE_LIMIT_MS = 30_000;

/** Opens an object's bytes; ranges as in HTTP, the end left out for all that follows. */
export type OpenRange = (range: { readonly start: number; readonly end: number | undefined }) => Promise<Readable>;

/**
 * Reads an object from a backend across the network. A stream that breaks off or falls silent, after minutes of a large layer, is
 * opened again where it ended, so that the client of a pull sees nothing of it. What lies under a key that is read so never changes.
 *
 * @param idleLimitMs how long the next byte may take once it is asked for
 * @throws what the first `open` throws, such as ObjectNotFoundError
 */
export async function openResumingReader(
  open: OpenRange,
  range?: ByteRange,
  idleLimitMs = IDLE_LIMIT_MS,
): Promise<ObjectReader> {
  const start = range?.start ?? 0;
  const end = range?.end;
  const openQuietly: OpenRange = async (part) => {
    const stream = await open(part);
    // A stream that fails while nobody reads from it would otherwise end the process; its reader is told when it goes on.
    stream.on('error', () => {});
    return stream;
  };
  return new ResumingReader(openQuietly, start, end, await openQuietly({ start, end }), idleLimitMs);
}

class ResumingReader implements ObjectReader {
  readonly #open: OpenRange;
  readonly #end: number | undefined;
  readonly #idleLimitMs: number;
  #position: number;
  #stream: Readable;

  constructor(open: OpenRange, start: number, end: number | undefined, stream: Readable, idleLimitMs: number) {
    this.#open = open;
    this.#position = start;
    this.#end = end;
    this.#stream = stream;
    this.#idleLimitMs = idleLimitMs;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let resumptions = 0;
    try {
      for (;;) {
        try {
          const chunks = this.#stream[Symbol.asyncIterator]();
          for (;;) {
            const next = await this.#next(chunks);
            if (next.done === true) return;
            this.#position += next.value.byteLength;
            resumptions = 0;
            yield next.value;
          }
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

  /** Only the time that the consumer waits counts: one that takes its time loses nothing. */
  async #next(chunks: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    const stream = this.#stream;
    const limit = setTimeout(() => {
      stream.destroy(new Error(`the storage has sent nothing for ${this.#idleLimitMs} ms`));
    }, this.#idleLimitMs);
    try {
      return await chunks.next();
    } finally {
      clearTimeout(limit);
    }
  }

  #isPastEnd(): boolean {
    return this.#end !== undefined && this.#position > this.#end;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
