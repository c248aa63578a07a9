import type { Config } from '../config/schema.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import type { StorageDriver } from '../storage/storage-driver.ts';
import { Blobs } from './blobs.ts';
import { Catalog } from './catalog.ts';
import { Changes } from './changes.ts';
import { ContentCache } from './content-cache.ts';
import { HealthCheck } from './health-check.ts';
import { Manifests } from './manifests.ts';
import { Referrers } from './referrers.ts';
import { Reindexer } from './reindex.ts';
import { RepositoryStorage } from './repository-storage.ts';
import { Tags } from './tags.ts';
import { Uploads } from './uploads.ts';

/** The nouns of the registry over one storage and one index. */
export interface Registry {
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  readonly manifests: Manifests;
  readonly tags: Tags;
  readonly referrers: Referrers;
  readonly catalog: Catalog;
  readonly health: HealthCheck;
}

export type RegistrySettings = Pick<Config, 'storage' | 'validation' | 'health'>;

export function createRegistry(driver: StorageDriver, metadata: MetadataStore, settings: RegistrySettings): Registry {
  const changes = new Changes(metadata, new Reindexer(driver, metadata));
  const storage = new RepositoryStorage(driver);
  const deletesAllowed = settings.storage.delete.enabled;
  const common = { driver, storage, metadata, changes, cache: new ContentCache(), deletesAllowed };
  const blobs = new Blobs(common);
  return {
    blobs,
    uploads: new Uploads({ driver, metadata, blobs }),
    manifests: new Manifests({ ...common, indexes: settings.validation.manifests.indexes }),
    tags: new Tags(common),
    referrers: new Referrers(metadata),
    catalog: new Catalog(metadata),
    health: new HealthCheck({ driver, metadata, storagedriver: settings.health.storagedriver }),
  };
}
