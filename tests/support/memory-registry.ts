import { configSchema } from '../../registry-image/src/config/schema.ts';
import { MetadataStore } from '../../registry-image/src/metadata/metadata-store.ts';
import { openSqlite } from '../../registry-image/src/metadata/sqlite.ts';
import type { Digest } from '../../registry-image/src/registry/digest.ts';
import type { RepositoryName, Tag } from '../../registry-image/src/registry/reference.ts';
import { createRegistry, type Registry } from '../../registry-image/src/registry/registry.ts';
import { MemoryDriver } from '../../registry-image/src/storage/memory.ts';
import type { StorageDriver } from '../../registry-image/src/storage/storage-driver.ts';
import type { Content, Image } from './oci-image.ts';

export interface MemoryRegistry extends Registry {
  readonly driver: StorageDriver;
  readonly metadata: MetadataStore;
}

/** The core of the registry over memory, without HTTP. */
export async function memoryRegistry(
  options: { driver?: StorageDriver; storage?: object } = {},
): Promise<MemoryRegistry> {
  const driver = options.driver ?? new MemoryDriver();
  const metadata = await MetadataStore.open(openSqlite(':memory:'));
  await metadata.markBuilt();
  const config = configSchema.parse({
    version: 0.1,
    storage: { inmemory: {}, delete: { enabled: true }, ...options.storage },
  });
  return { driver, metadata, ...createRegistry(driver, metadata, config) };
}

export async function* chunks(...parts: (Buffer | string | Error)[]): AsyncGenerator<Buffer> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield Buffer.from(part);
  }
}

export async function pushBlob(registry: Registry, repository: string, blob: Content): Promise<Digest> {
  const name = repository as RepositoryName;
  const { id } = await registry.uploads.start(name);
  await registry.uploads.finish(name, id, blob.digest as Digest, chunks(blob.bytes));
  return blob.digest as Digest;
}

/** Pushes an image with everything it refers to; returns its digest. */
export async function pushImage(registry: Registry, repository: string, image: Image, tag?: string): Promise<Digest> {
  for (const blob of image.blobs) await pushBlob(registry, repository, blob);
  for (const child of image.children) await pushImage(registry, repository, child);
  const digest = image.manifest.digest as Digest;
  const reference = tag === undefined ? { digest } : { tag: tag as Tag };
  await registry.manifests.put(repository as RepositoryName, reference, image.manifest.bytes, {
    contentType: image.manifest.mediaType,
  });
  return digest;
}
