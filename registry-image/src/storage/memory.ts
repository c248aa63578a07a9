import {
  type ByteRange,
  type ObjectInfo,
  ObjectNotFoundError,
  type ObjectReader,
  type StorageDriver,
  type StorageKey,
  type StorageUpload,
} from './storage-driver.ts';

interface MemoryObject {
  readonly chunks: Buffer[];
  size: number;
  modifiedAt: Date;
}

/** Objects in the memory of this process, for `storage: inmemory` and for tests. Everything is gone when it ends. */
export class MemoryDriver implements StorageDriver {
  readonly name = 'inmemory';
  readonly #objects = new Map<StorageKey, MemoryObject>();

  async read(key: StorageKey, range?: ByteRange): Promise<ObjectReader> {
    const bytes = Buffer.concat(this.#get(key).chunks);
    const part = range === undefined ? bytes : bytes.subarray(range.start, range.end + 1);
    return {
      async *[Symbol.asyncIterator]() {
        if (part.byteLength > 0) yield part;
      },
      close: async () => {},
    };
  }

  async write(key: StorageKey, bytes: Uint8Array): Promise<void> {
    this.#objects.set(key, { chunks: [Buffer.from(bytes)], size: bytes.byteLength, modifiedAt: new Date() });
  }

  async stat(key: StorageKey): Promise<ObjectInfo> {
    const { size, modifiedAt } = this.#get(key);
    return { key, size, modifiedAt };
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    for (const [key, { size, modifiedAt }] of [...this.#objects]) {
      if (key.startsWith(prefix)) yield { key, size, modifiedAt };
    }
  }

  async move(from: StorageKey, to: StorageKey): Promise<void> {
    const object = this.#get(from);
    this.#objects.delete(from);
    this.#objects.set(to, object);
  }

  async delete(key: StorageKey): Promise<void> {
    this.#objects.delete(key);
  }

  async openUpload(key: StorageKey): Promise<StorageUpload> {
    const object = this.#objects.get(key) ?? { chunks: [], size: 0, modifiedAt: new Date() };
    this.#objects.set(key, object);
    return new MemoryUpload(object, () => this.#objects.delete(key));
  }

  async close(): Promise<void> {}

  #get(key: StorageKey): MemoryObject {
    const object = this.#objects.get(key);
    if (object === undefined) throw new ObjectNotFoundError(key);
    return object;
  }
}

/** An upload that grows in place, as that of the filesystem does. */
class MemoryUpload implements StorageUpload {
  readonly #object: MemoryObject;
  readonly #remove: () => void;

  constructor(object: MemoryObject, remove: () => void) {
    this.#object = object;
    this.#remove = remove;
  }

  get size(): number {
    return this.#object.size;
  }

  async append(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of source) {
      this.#object.chunks.push(Buffer.from(chunk));
      this.#object.size += chunk.byteLength;
      this.#object.modifiedAt = new Date();
    }
  }

  async complete(): Promise<void> {}

  async close(): Promise<void> {}

  async cancel(): Promise<void> {
    this.#remove();
  }
}
