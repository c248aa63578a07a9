import { GrowingBuffer } from './growing-buffer.ts';
import type { MultipartBackend } from './multipart-backend.ts';
import { type MultipartMemory, PROCESS_MEMORY } from './multipart-memory.ts';
import { MultipartParts } from './multipart-parts.ts';
import { type UploadState, UploadStateStore } from './multipart-state.ts';
import type { AppendOptions, StorageKey, StorageUpload } from './storage-driver.ts';

const NEW_UPLOAD: UploadState = { uploadId: undefined, parts: [], tail: Buffer.alloc(0) };

/**
 * An upload to an object store: gathered into parts, each sent from memory so that it can be sent again. Bytes too few for a part
 * are kept in the state, which is saved after every append but the last; an upload that never fills a part becomes an ordinary
 * object.
 */
export class MultipartUpload implements StorageUpload {
  readonly #backend: MultipartBackend;
  readonly #key: StorageKey;
  readonly #states: UploadStateStore;
  readonly #parts: MultipartParts;
  readonly #tail = new GrowingBuffer();
  /** Bytes that the saved state has. */
  #savedSize: number;
  #hasState: boolean;
  #failed = false;

  private constructor(
    backend: MultipartBackend,
    key: StorageKey,
    chunkBytes: number,
    memory: MultipartMemory,
    saved: UploadState | undefined,
  ) {
    const state = saved ?? NEW_UPLOAD;
    this.#backend = backend;
    this.#key = key;
    this.#states = new UploadStateStore(backend, key);
    this.#parts = new MultipartParts(backend, key, chunkBytes, memory, state);
    this.#tail.append(state.tail, chunkBytes);
    this.#savedSize = this.size;
    this.#hasState = saved !== undefined;
  }

  /** Starts an upload, or goes on with what another process has left. @param chunkBytes size of the first parts */
  static async open(
    backend: MultipartBackend,
    key: StorageKey,
    chunkBytes: number,
    memory: MultipartMemory = PROCESS_MEMORY,
  ): Promise<StorageUpload> {
    const states = new UploadStateStore(backend, key);
    const [state, completedSize] = await Promise.all([states.load(), backend.sizeOf(key)]);
    const upload = new MultipartUpload(backend, key, chunkBytes, memory, state);
    // Only completing puts an object there; a process that died before it removed the state leaves both behind.
    return completedSize === undefined ? upload : new CompletedUpload(backend, key, completedSize);
  }

  get size(): number {
    return this.#failed ? this.#savedSize : this.#parts.size + this.#tail.size;
  }

  async append(source: AsyncIterable<Uint8Array>, { last = false }: AppendOptions = {}): Promise<void> {
    this.#refuseAfterFailure();
    let isWhole = false;
    try {
      for await (const chunk of source) await this.#add(chunk);
      isWhole = true;
    } finally {
      if (!(isWhole && last)) await this.#save();
    }
  }

  async complete(): Promise<void> {
    this.#refuseAfterFailure();
    if (this.#parts.uploadId === undefined) {
      await this.#backend.put(this.#key, this.#tail.bytes);
    } else {
      if (this.#tail.size > 0) await this.#send();
      await this.#settle();
      await this.#parts.complete();
    }
    if (this.#hasState) await this.#states.remove();
  }

  async close(): Promise<void> {}

  async cancel(): Promise<void> {
    // A part under way would come into being again behind the removal of the others.
    await this.#parts.settle().catch(() => {});
    await this.#parts.abort();
    await this.#states.remove();
    await this.#backend.remove(this.#key);
  }

  async #add(chunk: Uint8Array): Promise<void> {
    for (let taken = 0; taken < chunk.byteLength; ) {
      if (this.#tail.size === 0) await this.#failing(() => this.#parts.room());
      const partBytes = this.#parts.nextPartBytes;
      const piece = chunk.subarray(taken, taken + partBytes - this.#tail.size);
      this.#tail.append(piece, partBytes);
      taken += piece.byteLength;
      if (this.#tail.size >= partBytes) await this.#send();
    }
  }

  /** Saves what storage has. Where a part was lost, that is what came before it, unless the state saved earlier has more. */
  async #save(): Promise<void> {
    try {
      if (this.#tail.size >= this.#parts.smallestPartBytes) await this.#send();
      await this.#settle();
    } finally {
      const { uploadId, sent } = this.#parts;
      const size = this.#parts.size + this.#tail.size;
      if (size > this.#savedSize) {
        await this.#saveState({ uploadId, parts: sent, tail: this.#tail.bytes });
        this.#savedSize = size;
      }
    }
  }

  async #send(): Promise<void> {
    await this.#failing(async () => {
      if (this.#parts.uploadId === undefined) await this.#begin();
      await this.#parts.send(this.#tail.take());
    });
  }

  /** The id is saved before there is a part, which nobody could find and remove without it if this process died. */
  async #begin(): Promise<void> {
    const uploadId = await this.#parts.begin();
    await this.#saveState({ uploadId, parts: [], tail: this.#tail.bytes.subarray(0, this.#savedSize) });
  }

  async #saveState(state: UploadState): Promise<void> {
    await this.#states.save(state);
    this.#hasState = true;
  }

  async #settle(): Promise<void> {
    await this.#failing(() => this.#parts.settle());
  }

  /** A failure of storage leaves a gap in front of what was gathered since: only what is saved can be gone on with. */
  async #failing(call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#failed = true;
      this.#tail.take();
      throw error;
    }
  }

  #refuseAfterFailure(): void {
    if (this.#failed) throw new Error('the upload has failed; open it again to go on where it was saved');
  }
}

/** An upload whose object is there already, because the answer to its completion was lost or its next step never came. */
class CompletedUpload implements StorageUpload {
  readonly #backend: MultipartBackend;
  readonly #key: StorageKey;
  readonly #states: UploadStateStore;
  readonly size: number;

  constructor(backend: MultipartBackend, key: StorageKey, size: number) {
    this.#backend = backend;
    this.#key = key;
    this.#states = new UploadStateStore(backend, key);
    this.size = size;
  }

  async append(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of source) {
      if (chunk.byteLength > 0) {
        throw new Error(`the upload is complete with ${this.size} bytes and takes no more; start another one`);
      }
    }
  }

  async complete(): Promise<void> {
    await this.#states.remove();
  }

  async close(): Promise<void> {}

  async cancel(): Promise<void> {
    await this.#states.remove();
    await this.#backend.remove(this.#key);
  }
}
