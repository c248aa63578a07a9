import type { MultipartBackend, SentPart } from './multipart-backend.ts';
import type { MultipartMemory } from './multipart-memory.ts';
import type { StorageKey } from './storage-driver.ts';

/**
 * Parts that are sent while the next one is gathered, which makes one more in memory; see multipart-memory.ts for what limits it.
 * When parts have grown there are fewer: no more bytes are held beside one part than those of so many first ones.
 */
const PARTS_IN_FLIGHT = 3;

/** How often parts grow by the size of the first ones: in these many steps over all the parts that a backend takes. */
const GROWTH_STEPS = 10;

/**
 * The parts of one upload: begun with the first, sent a few at a time. They grow on the way, so that small layers need little
 * memory and 10,000 parts of 10 MiB at first make 537 GiB.
 */
export class MultipartParts {
  readonly #backend: MultipartBackend;
  readonly #key: StorageKey;
  readonly #chunkBytes: number;
  readonly #memory: MultipartMemory;
  readonly #sending = new Set<Promise<void>>();
  #sendingBytes = 0;
  /** Bytes that were taken of the shared memory: for the parts that are sent, so that another one may be gathered. */
  #taken = 0;
  /** In order, with the parts that are being sent: those have no etag yet. */
  readonly #parts: { readonly size: number; etag?: string }[];
  #uploadId: string | undefined;
  #size: number;
  #failure: { readonly error: unknown } | undefined;

  /**
   * @param memory shared with other uploads
   * @param begun what an earlier process has sent
   */
  constructor(
    backend: MultipartBackend,
    key: StorageKey,
    chunkBytes: number,
    memory: MultipartMemory,
    begun: { readonly uploadId: string | undefined; readonly parts: readonly SentPart[] },
  ) {
    this.#backend = backend;
    this.#key = key;
    this.#chunkBytes = chunkBytes;
    this.#memory = memory;
    this.#uploadId = begun.uploadId;
    this.#parts = begun.parts.map((part) => ({ ...part }));
    this.#size = totalSize(this.#parts);
  }

  /** Left out until `begin`. */
  get uploadId(): string | undefined {
    return this.#uploadId;
  }

  /** Bytes of all parts, also those that are being sent. */
  get size(): number {
    return this.#size;
  }

  /** The parts that the backend has. */
  get sent(): SentPart[] {
    return this.#parts.flatMap(({ size, etag }) => (etag === undefined ? [] : [{ size, etag }]));
  }

  /** Bytes that the next part should have. */
  get nextPartBytes(): number {
    return Math.min(this.#chunkBytes * this.#growth, this.#backend.limits.maxBytes);
  }

  /** Bytes that the next part needs, unless it is the last one. */
  get smallestPartBytes(): number {
    return this.#backend.limits.minBytes * this.#growth;
  }

  get #growth(): number {
    return 1 + Math.floor((this.#parts.length * GROWTH_STEPS) / this.#backend.limits.maxParts);
  }

  /** Once, before the first part is sent. */
  async begin(): Promise<string> {
    this.#uploadId = await this.#backend.begin(this.#key);
    return this.#uploadId;
  }

  /**
   * To be waited for before the bytes of a part are gathered: until there is memory for it, which there is at the latest when no
   * other part of this upload is under way, whatever other uploads hold.
   *
   * @throws when a part has failed, as `settle` does
   */
  async room(): Promise<void> {
    while (!this.#takeRoom()) await Promise.race([...this.#sending, this.#memory.given()]);
    if (this.#failure !== undefined) await this.settle();
  }

  #takeRoom(): boolean {
    // A part that is gathered while none is sent needs none.
    const missing = this.#sendingBytes - this.#taken;
    if (missing <= 0) return true;
    if (this.#sendingBytes > PARTS_IN_FLIGHT * this.#chunkBytes || !this.#memory.tryTake(missing)) return false;
    this.#taken += missing;
    return true;
  }

  #giveBack(): void {
    const surplus = this.#taken - this.#sendingBytes;
    if (surplus <= 0) return;
    this.#taken -= surplus;
    this.#memory.give(surplus);
  }

  /** Starts to send a part as soon as fewer than a few are under way. @throws when an earlier part has failed, as `settle` does */
  async send(bytes: Uint8Array): Promise<void> {
    const { maxParts } = this.#backend.limits;
    if (this.#parts.length === maxParts) {
      throw new Error(
        `the storage takes ${maxParts} parts, and this upload has as many (${this.size} bytes); raise the chunksize of the driver (${this.#chunkBytes})`,
      );
    }
    while (this.#sending.size >= PARTS_IN_FLIGHT) await Promise.race(this.#sending);
    if (this.#failure !== undefined) await this.settle();
    const part: { readonly size: number; etag?: string } = { size: bytes.byteLength };
    const number = this.#parts.push(part);
    this.#size += part.size;
    const sending = this.#backend
      .sendPart(this.#key, this.#uploadId as string, number, bytes)
      .then((etag) => {
        part.etag = etag;
      })
      .catch((error) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#sending.delete(sending);
        this.#sendingBytes -= part.size;
        this.#giveBack();
      });
    this.#sending.add(sending);
    this.#sendingBytes += part.size;
  }

  /** Waits until no part is being sent. @throws when one has failed; the parts before it are kept, and no others */
  async settle(): Promise<void> {
    await Promise.all(this.#sending);
    if (this.#failure === undefined) return;
    const { error } = this.#failure;
    this.#failure = undefined;
    this.#parts.splice(this.#parts.findIndex(({ etag }) => etag === undefined));
    this.#size = totalSize(this.#parts);
    throw error;
  }

  /** Makes the parts one object; only when some were sent and all have settled. */
  async complete(): Promise<void> {
    await this.#backend.complete(this.#key, this.#uploadId as string, this.sent);
  }

  async abort(): Promise<void> {
    if (this.#uploadId !== undefined) await this.#backend.abort(this.#key, this.#uploadId);
  }
}

function totalSize(parts: readonly { readonly size: number }[]): number {
  return parts.reduce((sum, { size }) => sum + size, 0);
}
