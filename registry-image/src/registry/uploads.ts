import { createHash, type Hash, randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { RegistryError } from '../errors/registry-error.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import type { UploadRow } from '../metadata/upload-sessions.ts';
import { blobDataKey, uploadKey } from '../storage/key-layout.ts';
import type { AppendOptions, StorageDriver, StorageUpload } from '../storage/storage-driver.ts';
import type { Blobs } from './blobs.ts';
import { type Digest, type DigestAlgorithm, digestAlgorithm, finishDigest } from './digest.ts';
import type { KeyedMutex } from './keyed-mutex.ts';
import type { RepositoryName } from './reference.ts';

/** Uploads whose storage handle and digest state this process keeps between requests; others are opened again. */
const IDLE_UPLOADS = 1000;
const IDLE_UPLOAD_MS = 15 * 60_000;

export interface UploadsOptions {
  readonly driver: StorageDriver;
  readonly metadata: MetadataStore;
  readonly blobs: Blobs;
  readonly locks: KeyedMutex;
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
  /** Between requests; one that a request works on is taken out. */
  readonly #idle = new LRUCache<string, OpenUpload>({
    max: IDLE_UPLOADS,
    ttl: IDLE_UPLOAD_MS,
    dispose: ({ storage }, _id, reason) => {
      if (reason === 'evict' || reason === 'expire') storage.close().catch(() => {});
    },
  });

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  async start(repository: RepositoryName, algorithm: DigestAlgorithm = 'sha256'): Promise<UploadStatus> {
    const id = randomUUID();
    const now = Date.now();
    await this.#options.metadata.uploads.add({ id, repository, algorithm, started_at: now, touched_at: now });
    return { id, size: 0 };
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
      await this.#options.metadata.uploads.touch(id);
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
    await this.#withUpload(repository, id, async (row, upload) => {
      await receive(upload, source, range, { last: true });
      const { size } = upload.storage;
      await upload.storage.complete();
      const received = await this.#digest(row, upload, digestAlgorithm(digest));
      if (received !== digest) {
        await this.#discard(id, upload.storage);
        throw new RegistryError('DIGEST_INVALID', { detail: { expected: digest, received } });
      }
      await this.#options.driver.move(uploadKey(id), blobDataKey(digest));
      await this.#options.blobs.link(repository, digest, size);
      await this.#options.metadata.uploads.delete(id);
      return 'ended';
    });
  }

  /** @throws RegistryError BLOB_UPLOAD_UNKNOWN */
  async cancel(repository: RepositoryName, id: string): Promise<void> {
    await this.#withUpload(repository, id, (_row, { storage }) => this.#discard(id, storage));
  }

  /** Removes uploads that nobody has touched since a time; returns them. */
  async purge(before: Date, { dryRun }: { readonly dryRun: boolean }): Promise<readonly UploadRow[]> {
    const idle = await this.#options.metadata.uploads.listIdle(before.getTime());
    if (!dryRun) {
      for (const { repository, id } of idle) await this.cancel(repository as RepositoryName, id);
    }
    return idle;
  }

  /** Lets go of what this process holds; every upload can be taken up again later. */
  async close(): Promise<void> {
    const idle = [...this.#idle.values()];
    this.#idle.clear();
    await Promise.all(idle.map(({ storage }) => storage.close()));
  }

  /** Runs work on an upload, one request at a time; the work says whether the upload has ended with it. */
  async #withUpload<T>(
    repository: RepositoryName,
    id: string,
    work: (row: UploadRow, upload: OpenUpload) => Promise<T>,
  ): Promise<T> {
    return this.#options.locks.run(`upload ${id}`, async () => {
      const row = await this.#options.metadata.uploads.find(repository, id);
      if (row === undefined) {
        throw new RegistryError('BLOB_UPLOAD_UNKNOWN', {
          detail: { name: repository, id, message: 'it was finished, cancelled or purged; start a new one' },
        });
      }
      const upload = await this.#take(row);
      let ended = false;
      try {
        const result = await work(row, upload);
        ended = result === 'ended';
        return result;
      } finally {
        // What the digest state and the storage disagree on, after a failed write, is settled by opening the upload again.
        if (!ended && upload.hashedBytes === upload.storage.size) this.#idle.set(id, upload);
        else await upload.storage.close();
      }
    });
  }

  async #take(row: UploadRow): Promise<OpenUpload> {
    const idle = this.#idle.get(row.id);
    if (idle !== undefined) {
      this.#idle.delete(row.id);
      return idle;
    }
    const storage = await this.#options.driver.openUpload(uploadKey(row.id));
    return { storage, hash: createHash(row.algorithm), hashedBytes: 0 };
  }

  async #digest(row: UploadRow, upload: OpenUpload, algorithm: DigestAlgorithm): Promise<Digest> {
    if (upload.hashedBytes === upload.storage.size && row.algorithm === algorithm) {
      return finishDigest(upload.hash, algorithm);
    }
    const hash = createHash(algorithm);
    for await (const chunk of await this.#options.driver.read(uploadKey(row.id))) hash.update(chunk);
    return finishDigest(hash, algorithm);
  }

  async #discard(id: string, storage: StorageUpload): Promise<'ended'> {
    await storage.cancel();
    await this.#options.metadata.uploads.delete(id);
    return 'ended';
  }
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
