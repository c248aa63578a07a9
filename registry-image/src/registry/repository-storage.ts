import {
  blobDataKey,
  layerLinkKey,
  revisionLinkKey,
  tagCurrentKey,
  tagIndexKey,
  tagPrefix,
} from '../storage/key-layout.ts';
import { ObjectNotFoundError, type StorageDriver } from '../storage/storage-driver.ts';
import { type Digest, parseDigest } from './digest.ts';
import type { RepositoryName, Tag } from './reference.ts';

/** What a manifest may be at most: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** Repositories as they are kept in storage: the truth that the index follows. One method is one change of one thing. */
export class RepositoryStorage {
  readonly #driver: StorageDriver;

  constructor(driver: StorageDriver) {
    this.#driver = driver;
  }

  // Blobs

  async linkBlob(repository: RepositoryName, digest: Digest): Promise<void> {
    await this.#driver.write(layerLinkKey(repository, digest), Buffer.from(digest));
  }

  async unlinkBlob(repository: RepositoryName, digest: Digest): Promise<void> {
    await this.#driver.delete(layerLinkKey(repository, digest));
  }

  /** Size of the blob when the repository may serve it and its bytes are there. */
  async statLinkedBlob(repository: RepositoryName, digest: Digest): Promise<number | undefined> {
    if ((await this.#readLink(layerLinkKey(repository, digest))) !== digest) return undefined;
    return this.statBlob(digest);
  }

  async statBlob(digest: Digest): Promise<number | undefined> {
    try {
      return (await this.#driver.stat(blobDataKey(digest))).size;
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return undefined;
      throw error;
    }
  }

  // Manifests

  async writeManifest(repository: RepositoryName, digest: Digest, bytes: Uint8Array): Promise<void> {
    await this.#driver.write(blobDataKey(digest), bytes);
    await this.#driver.write(revisionLinkKey(repository, digest), Buffer.from(digest));
  }

  /** The bytes of a manifest or of a small blob; who must know whether the repository has it asks first. @throws ObjectNotFoundError */
  async readWhole(digest: Digest): Promise<Buffer> {
    return this.#readAll(blobDataKey(digest));
  }

  async hasManifest(repository: RepositoryName, digest: Digest): Promise<boolean> {
    return (await this.#readLink(revisionLinkKey(repository, digest))) === digest;
  }

  async deleteManifest(repository: RepositoryName, digest: Digest): Promise<void> {
    await this.#driver.delete(revisionLinkKey(repository, digest));
  }

  // Tags

  async writeTag(repository: RepositoryName, tag: Tag, digest: Digest): Promise<void> {
    await this.#driver.write(tagIndexKey(repository, tag, digest), Buffer.from(digest));
    await this.#driver.write(tagCurrentKey(repository, tag), Buffer.from(digest));
  }

  async readTag(repository: RepositoryName, tag: Tag): Promise<Digest | undefined> {
    return this.#readLink(tagCurrentKey(repository, tag));
  }

  /** Removes what the tag points at first, so that a crash on the way leaves no tag rather than half of one. */
  async deleteTag(repository: RepositoryName, tag: Tag): Promise<void> {
    await this.#driver.delete(tagCurrentKey(repository, tag));
    for await (const { key } of this.#driver.list(tagPrefix(repository, tag))) await this.#driver.delete(key);
  }

  async #readLink(key: string): Promise<Digest | undefined> {
    try {
      return parseDigest((await this.#readAll(key)).toString('utf8').trim());
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return undefined;
      throw error;
    }
  }

  async #readAll(key: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.#driver.read(key)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }
}
