import { LRUCache } from 'lru-cache';
import type { Digest } from './digest.ts';

/** Content that is larger is read from storage each time. */
export const SMALL_CONTENT_BYTES = 64 * 1024;

/** Memory for it, in bytes. */
const CACHE_BYTES = 32 * 1024 * 1024;

/**
 * Bytes of manifests and small blobs. They never change under their digest; whether a repository may serve them is asked of the
 * index each time, so that nothing kept here can be read by who may not.
 */
export class ContentCache {
  readonly #bytes = new LRUCache<Digest, Buffer>({ maxSize: CACHE_BYTES, sizeCalculation: ({ length }) => length + 1 });

  /** The bytes, read once where several ask for them at a time. */
  async get(digest: Digest, read: () => Promise<Buffer>): Promise<Buffer> {
    const cached = this.#bytes.get(digest);
    if (cached !== undefined) return cached;
    const running = this.#reading.get(digest);
    if (running !== undefined) return running;
    const reading = read();
    this.#reading.set(digest, reading);
    try {
      const bytes = await reading;
      this.#bytes.set(digest, bytes);
      return bytes;
    } finally {
      this.#reading.delete(digest);
    }
  }

  readonly #reading = new Map<Digest, Promise<Buffer>>();
}
