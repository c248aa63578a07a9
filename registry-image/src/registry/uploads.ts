import { createHash, type Hash, randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { RegistryError } from '../errors/registry-error.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import type { UploadRow } from '../metadata/upload-sessions.ts';
import { blobDataKey, uploadKey } from '../storage/key-layout.ts';
import type { AppendOptions, StorageDriver, StorageUpload } from '../storage/storage-driver.ts';
import type { Blobs } from './blobs.ts';
import { type Digest, type DigestAlgorithm, digestAlgorithm, finishDigest } from './digest.ts';
import { KeyedMutex } from './keyed-mutex.ts';
import type { RepositoryName } from './reference.ts';

/**
 * Uploads whose storage handle and digest state this process keeps between requests; others are opened again. Each may hold some
 * MiB that are too few for a part, and the next request may well come to another process.
 */
const IDLE_UPLOADS = 100;
const IDLE_UPLOAD_MS = 60_000;

/** How long a request waits for another process to be done with the same upload; a client that is silent is given up sooner. */
const PATIENCE_MS = 90_000;
const PAUSE_MS = 50;

export interface UploadsOptions {
  readonly driver: StorageDriver;
  readonly metadata: MetadataStore;
  readonly blobs: Blobs;
}

/** Where a chunk says that it belongs, first and last byte. */
export interface ChunkRange {
  readonly start: number;
  readonly end: number;
}

export interface UploadStatus {
  readonly id: string;
  /** Bytes received so far. */
  readonly size: number;
}

/** An upload as this process has it in hand. */
interface OpenUpload {
  readonly storage: StorageUpload;
  /** Digest state of the first `hashedBytes` bytes; of use only when these are all that `storage` has. */
  readonly hash: Hash;
  hashedBytes: number;
  /** `complete` when nothing can be appended any more, `gone` when there is nothing left of it. */
  state: 'open' | 'complete' | 'gone';
}

/**
 * Blobs on their way in: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs
 *
 * Bytes go to `uploads/<id>/data` and are hashed on the way. When the digest is right they are moved under it in one step and
 * linked to the repository, so that nothing unverified is ever readable. An upload that was interrupted, by the client or by the
 * end of the process, goes on where its bytes in storage end; its digest is then taken from storage when it is finished.
 */
export class Uploads {
  readonly #options: UploadsOptions;
  readonly #turns = new KeyedMutex();
  /** Between requests; one that a request works on is taken out. */
  readonly #idle = new LRUCache<string, OpenUpload>({
    max: IDLE_UPLOADS,
    ttl: IDLE_UPLOAD_MS,
    ttlAutopurge: true,
    dispose: ({ storage }, _id, reason) => {
      if (reason === 'evict' || reason === 'expire') storage.close().catch(() => {});
    },
  });

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  async start(repository: RepositoryName, algorithm: DigestAlgorithm = 'sha256'): Promise<UploadStatus> {
    const { id } = await this.#options.metadata.uploads.add(
      { id: randomUUID(), repository, algorithm },
      { busy: false },
    );
    return { id, size: 0 };
  }

  /**
   * A whole blob in one request.
   *
   * @throws RegistryError DIGEST_INVALID
   */
  async receive(repository: RepositoryName, digest: Digest, source: AsyncIterable<Uint8Array>): Promise<void> {
    const upload = { id: randomUUID(), repository, algorithm: digestAlgorithm(digest) };
    const row = await this.#options.metadata.uploads.add(upload, { busy: true });
    await this.#workOn(row, (open) => this.#finish(row, open, digest, source));
  }

  /** @throws RegistryError BLOB_UPLOAD_UNKNOWN */
  async status(repository: RepositoryName, id: string): Promise<UploadStatus> {
    return this.#withUpload(repository, id, async (_row, { storage }) => ({ id, size: storage.size }));
  }

  /**
   * Adds a chunk. When its source breaks off, what has come stays.
   *
   * @throws RegistryError BLOB_UPLOAD_UNKNOWN; RANGE_INVALID when the chunk does not start where the last one ended
   */
  async append(
    repository: RepositoryName,
    id: string,
    source: AsyncIterable<Uint8Array>,
    range?: ChunkRange,
  ): Promise<UploadStatus> {
    return this.#withUpload(repository, id, async (_row, upload) => {
      await receive(upload, source, range);
      return { id, size: upload.storage.size };
    });
  }

  /**
   * Adds the last chunk, checks the digest and gives the blob to the repository. An upload with a wrong digest is removed.
   *
   * @throws RegistryError BLOB_UPLOAD_UNKNOWN, RANGE_INVALID, DIGEST_INVALID
   */
  async finish(
    repository: RepositoryName,
    id: string,
    digest: Digest,
    source: AsyncIterable<Uint8Array>,
    range?: ChunkRange,
  ): Promise<void> {
    await this.#withUpload(repository, id, (row, upload) => this.#finish(row, upload, digest, source, range));
  }

  /** @throws RegistryError BLOB_UPLOAD_UNKNOWN */
  async cancel(repository: RepositoryName, id: string): Promise<void> {
    await this.#withUpload(repository, id, (_row, upload) => this.#discard(id, upload));
  }

  /**
   * Removes uploads that nobody has touched since a time; returns them.
   *
   * @throws AggregateError with what went wrong, when some could not be removed; all others are
   */
  async purge(before: Date, { dryRun }: { readonly dryRun: boolean }): Promise<readonly UploadRow[]> {
    const idle = await this.#options.metadata.uploads.listIdle(before.getTime());
    if (dryRun) return idle;
    const purged: UploadRow[] = [];
    const failures: unknown[] = [];
    for (const { repository, id } of idle) {
      try {
        await this.#withUpload(repository as RepositoryName, id, async (row, upload) => {
          // A request may have had it in hand until now.
          if (row.touched_at >= before.getTime()) return;
          await this.#discard(id, upload);
          purged.push(row);
        });
      } catch (error) {
        if (!isUnknown(error)) failures.push(error);
      }
    }
    if (failures.length === 0) return purged;
    const first = (failures[0] as Error).message;
    throw new AggregateError(
      failures,
      `${purged.length} uploads were removed, ${failures.length} could not be: ${first}`,
    );
  }

  /** Lets go of what this process holds; every upload can be taken up again later. */
  async close(): Promise<void> {
    const idle = [...this.#idle.values()];
    this.#idle.clear();
    await Promise.all(idle.map(({ storage }) => storage.close()));
  }

  /** Runs work on an upload, one request at a time. */
  async #withUpload<T>(
    repository: RepositoryName,
    id: string,
    work: (row: UploadRow, upload: OpenUpload) => Promise<T>,
  ): Promise<T> {
    return this.#turns.run(id, async () => {
      const row = await this.#claim(repository, id);
      if (row === undefined) {
        throw new RegistryError('BLOB_UPLOAD_UNKNOWN', {
          detail: { name: repository, id, message: 'it was finished, cancelled or purged; start a new one' },
        });
      }
      return this.#workOn(row, (upload) => work(row, upload));
    });
  }

  /** Waits for the request of another process, which may be one that the client has given up and the server has not. */
  async #claim(repository: RepositoryName, id: string): Promise<UploadRow | undefined> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const row = await this.#options.metadata.uploads.claim(repository, id);
      if (row !== 'busy') return row;
      if (Date.now() > deadline) throw new Error(`the upload ${id} is still being written to by another request`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #workOn<T>(row: UploadRow, work: (upload: OpenUpload) => Promise<T>): Promise<T> {
    const upload = await this.#take(row);
    try {
      return await work(upload);
    } finally {
      if (upload.state === 'gone') await upload.storage.close();
      else await this.#putBack(row, upload);
    }
  }

  async #take(row: UploadRow): Promise<OpenUpload> {
    const idle = this.#idle.get(row.id);
    this.#idle.delete(row.id);
    // Another process may have had it in between.
    if (idle !== undefined && row.holder === this.#options.metadata.processes.id) return idle;
    await idle?.storage.close();
    const storage = await this.#options.driver.openUpload(uploadKey(row.id));
    return { storage, hash: createHash(row.algorithm), hashedBytes: 0, state: 'open' };
  }

  async #putBack(row: UploadRow, upload: OpenUpload): Promise<void> {
    const { storage, hash, hashedBytes } = upload;
    const isHashed = hashedBytes === storage.size;
    const digest = isHashed && finishDigest(hash.copy(), row.algorithm as DigestAlgorithm);
    const released = await this.#options.metadata.uploads.release(
      row.id,
      digest ? { bytes: hashedBytes, digest } : undefined,
    );
    // What the digest state and the storage disagree on, after a failed write, is settled by opening the upload again.
    if (released && isHashed && upload.state === 'open') this.#idle.set(row.id, upload);
    else await storage.close();
  }

  async #finish(
    row: UploadRow,
    upload: OpenUpload,
    digest: Digest,
    source: AsyncIterable<Uint8Array>,
    range?: ChunkRange,
  ): Promise<void> {
    await receive(upload, source, range, { last: true });
    const { size } = upload.storage;
    const known = knownDigest(row, upload, digestAlgorithm(digest));
    if (known !== undefined && known !== digest) throw await this.#refuse(row, upload, digest, known);
    upload.state = 'complete';
    const completed = upload.storage.complete();
    if (known === undefined) {
      await completed;
      const received = await this.#digestInStorage(row, digestAlgorithm(digest));
      if (received !== digest) throw await this.#refuse(row, upload, digest, received);
    }
    // It is waited for below; that a failure is not looked at before then is no fault.
    completed.catch(() => {});
    const place = async () => {
      await completed;
      await this.#options.driver.move(uploadKey(row.id), blobDataKey(digest));
    };
    await this.#options.blobs.link(row.repository as RepositoryName, { digest, size }, { place, upload: row.id });
    upload.state = 'gone';
  }

  async #digestInStorage(row: UploadRow, algorithm: DigestAlgorithm): Promise<Digest> {
    const hash = createHash(algorithm);
    for await (const chunk of await this.#options.driver.read(uploadKey(row.id))) hash.update(chunk);
    return finishDigest(hash, algorithm);
  }

  async #refuse(row: UploadRow, upload: OpenUpload, expected: Digest, received: Digest): Promise<RegistryError> {
    await this.#discard(row.id, upload);
    return new RegistryError('DIGEST_INVALID', { detail: { expected, received } });
  }

  async #discard(id: string, upload: OpenUpload): Promise<void> {
    await upload.storage.cancel();
    await this.#options.metadata.uploads.delete(id);
    upload.state = 'gone';
  }
}

/** The digest of all bytes, when it was taken on the way, by this process or the one before. */
function knownDigest(row: UploadRow, upload: OpenUpload, algorithm: DigestAlgorithm): Digest | undefined {
  const { size } = upload.storage;
  if (row.algorithm !== algorithm) return undefined;
  if (upload.hashedBytes === size) return finishDigest(upload.hash.copy(), algorithm);
  return row.hashed_bytes === size && row.digest !== null ? (row.digest as Digest) : undefined;
}

async function receive(
  upload: OpenUpload,
  source: AsyncIterable<Uint8Array>,
  range?: ChunkRange,
  options?: AppendOptions,
): Promise<void> {
  const { storage } = upload;
  if (range !== undefined && range.start !== storage.size) {
    throw new RegistryError('RANGE_INVALID', {
      detail: `the chunk starts at byte ${range.start}, the upload goes on at byte ${storage.size}`,
    });
  }
  await storage.append(upload.hashedBytes === storage.size ? hashed(source, upload) : source, options);
}

async function* hashed(source: AsyncIterable<Uint8Array>, upload: OpenUpload): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    upload.hash.update(chunk);
    upload.hashedBytes += chunk.length;
    yield chunk;
  }
}

/** Whether an upload has ended in the meantime. */
function isUnknown(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'BLOB_UPLOAD_UNKNOWN';
}
