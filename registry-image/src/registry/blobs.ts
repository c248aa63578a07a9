import { RegistryError } from '../errors/registry-error.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { blobDataKey } from '../storage/key-layout.ts';
import type { ByteRange, ObjectReader, RedirectOptions, StorageDriver } from '../storage/storage-driver.ts';
import { type Changes, wholeRepository } from './changes.ts';
import { type ContentCache, SMALL_CONTENT_BYTES } from './content-cache.ts';
import type { Digest } from './digest.ts';
import type { RepositoryName } from './reference.ts';
import type { RepositoryStorage } from './repository-storage.ts';

export type { ByteRange, ObjectReader };

/** Repositories that are looked at for a mount without a source. */
const MOUNT_CANDIDATES = 100;

export interface BlobsOptions {
  readonly driver: StorageDriver;
  readonly storage: RepositoryStorage;
  readonly metadata: MetadataStore;
  readonly cache: ContentCache;
  readonly changes: Changes;
  readonly deletesAllowed: boolean;
}

/** Blobs of repositories: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs */
export class Blobs {
  readonly #options: BlobsOptions;

  constructor(options: BlobsOptions) {
    this.#options = options;
  }

  /** Size in bytes. @throws RegistryError BLOB_UNKNOWN */
  async stat(repository: RepositoryName, digest: Digest): Promise<number> {
    const size = await this.#options.metadata.findBlob(repository, digest);
    if (size !== undefined) return size;
    throw new RegistryError('BLOB_UNKNOWN', { detail: { name: repository, digest } });
  }

  /** All bytes of a blob that `stat` has found, when it is small enough to be kept in memory. @param size of it, in bytes */
  async readSmall(digest: Digest, size: number): Promise<Buffer | undefined> {
    if (size > SMALL_CONTENT_BYTES) return undefined;
    const { cache, storage } = this.#options;
    return cache.get(digest, () => storage.readWhole(digest));
  }

  /** The bytes of a blob that `stat` has found. */
  async read(digest: Digest, range?: ByteRange): Promise<ObjectReader> {
    return this.#options.driver.read(blobDataKey(digest), range);
  }

  /** A signed URL of a blob that `stat` has found, where the storage has such. */
  async redirectUrl(digest: Digest, options: RedirectOptions): Promise<URL | undefined> {
    return this.#options.driver.redirectUrl?.(blobDataKey(digest), options);
  }

  /** The file of a blob that `stat` has found, below the directory of the storage, where it is one of files. */
  async filePath(digest: Digest): Promise<string | undefined> {
    return this.#options.driver.filePath?.(blobDataKey(digest));
  }

  /** Lets a repository serve a blob whose bytes are in storage. @param place brings them there, when they are not yet */
  async link(
    repository: RepositoryName,
    blob: { readonly digest: Digest; readonly size: number },
    { place, upload }: { readonly place?: () => Promise<void>; readonly upload?: string } = {},
  ): Promise<void> {
    const { changes, metadata, storage } = this.#options;
    await changes.run({
      things: [{ repository, kind: 'blob', key: blob.digest }],
      make: async (intents) => {
        // Side by side, since each waits for the disk; the intent tells of one that is there without the other.
        const written = await Promise.allSettled([place?.(), storage.linkBlob(repository, blob.digest)]);
        for (const outcome of written) if (outcome.status === 'rejected') throw outcome.reason;
        await metadata.linkBlob(repository, blob, { intents, ...(upload !== undefined && { upload }) });
      },
    });
  }

  /**
   * Lets a repository serve a blob that another one has: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#mounting-a-blob-from-another-repository
   *
   * @param mayPull says whether the request may read a repository; others are not looked at, so that a mount never tells what they hold
   * @returns whether the repository has the blob now
   */
  async mount(
    repository: RepositoryName,
    digest: Digest,
    from: RepositoryName | undefined,
    mayPull: (repository: string) => boolean,
  ): Promise<boolean> {
    const { metadata } = this.#options;
    const candidates = from === undefined ? await metadata.listRepositoriesWithBlob(digest, MOUNT_CANDIDATES) : [from];
    for (const candidate of candidates.filter(mayPull)) {
      const size = await metadata.findBlob(candidate, digest);
      if (size === undefined) continue;
      await this.link(repository, { digest, size });
      return true;
    }
    return false;
  }

  /** Takes a blob away from a repository; its bytes are left to garbage collection. @throws RegistryError BLOB_UNKNOWN, UNSUPPORTED */
  async delete(repository: RepositoryName, digest: Digest): Promise<void> {
    const { changes, deletesAllowed, metadata, storage } = this.#options;
    if (!deletesAllowed) throw deletesDisabled();
    await changes.run({
      // The repository too: no manifest that names the blob may be accepted meanwhile.
      things: [wholeRepository(repository), { repository, kind: 'blob', key: digest }],
      check: async () => void (await this.stat(repository, digest)),
      make: async (intents) => {
        await storage.unlinkBlob(repository, digest);
        await metadata.unlinkBlob(repository, digest, { intents });
      },
    });
  }
}

export function deletesDisabled(): RegistryError {
  return new RegistryError('UNSUPPORTED', {
    detail: 'deletes are switched off; an administrator allows them with storage.delete.enabled: true',
  });
}
