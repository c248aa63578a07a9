import type { Config } from '../config/schema.ts';
import { RegistryError } from '../errors/registry-error.ts';
import type { Intent } from '../metadata/intents.ts';
import type { ManifestRow } from '../metadata/manifest-row.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { deletesDisabled } from './blobs.ts';
import { type Changes, wholeRepository } from './changes.ts';
import type { ContentCache } from './content-cache.ts';
import { type Digest, digestAlgorithm, digestOf } from './digest.ts';
import { type Manifest, parseManifest } from './manifest-schema.ts';
import type { Reference, RepositoryName, Tag } from './reference.ts';
import type { RepositoryStorage } from './repository-storage.ts';

export type SparseIndexes = Config['validation']['manifests']['indexes'];

export interface ManifestsOptions {
  readonly storage: RepositoryStorage;
  readonly metadata: MetadataStore;
  readonly cache: ContentCache;
  readonly changes: Changes;
  readonly deletesAllowed: boolean;
  /** Which manifests that an index names must be there. */
  readonly indexes: SparseIndexes;
}

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
}

export interface PushOptions {
  /** Content-Type of the request. */
  readonly contentType?: string | undefined;
  /** Tags that shall point at the manifest, besides the reference when that is one. */
  readonly tags?: readonly Tag[];
}

export interface PushedManifest {
  readonly digest: Digest;
  readonly subject: Digest | undefined;
}

/** Manifests and the tags that point at them: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests */
export class Manifests {
  readonly #options: ManifestsOptions;

  constructor(options: ManifestsOptions) {
    this.#options = options;
  }

  /** @throws RegistryError MANIFEST_UNKNOWN, NAME_UNKNOWN */
  async find(repository: RepositoryName, reference: Reference): Promise<StoredManifest> {
    const { metadata } = this.#options;
    const row =
      'tag' in reference
        ? await metadata.findTaggedManifest(repository, reference.tag)
        : await metadata.findManifest(repository, reference.digest);
    if (row === undefined) {
      const unknown = (await metadata.hasRepository(repository)) ? 'MANIFEST_UNKNOWN' : 'NAME_UNKNOWN';
      throw new RegistryError(unknown, { detail: { name: repository, ...reference } });
    }
    return { digest: row.digest as Digest, mediaType: row.mediaType, size: row.size };
  }

  /** The bytes of a manifest that `find` has found. */
  async read(digest: Digest): Promise<Buffer> {
    const { cache, storage } = this.#options;
    return cache.get(digest, () => storage.readWhole(digest));
  }

  /**
   * Stores a manifest, and points at it the tag that the reference may be, and further ones.
   *
   * @throws RegistryError MANIFEST_INVALID, DIGEST_INVALID, MANIFEST_BLOB_UNKNOWN
   */
  async put(
    repository: RepositoryName,
    reference: Reference,
    bytes: Buffer,
    options: PushOptions = {},
  ): Promise<PushedManifest> {
    const manifest = parseManifest(bytes, options.contentType);
    const digest = digestOf(bytes, 'digest' in reference ? digestAlgorithm(reference.digest) : 'sha256');
    if ('digest' in reference && reference.digest !== digest) {
      throw new RegistryError('DIGEST_INVALID', { detail: { expected: reference.digest, received: digest } });
    }
    const tags = [...new Set([...('tag' in reference ? [reference.tag] : []), ...(options.tags ?? [])])];
    const { changes, metadata, storage } = this.#options;
    const required = requiredReferences(manifest, this.#options.indexes);
    await changes.run({
      things: [wholeRepository(repository), ...manifestAndTags(repository, digest, tags)],
      check: async () => refuseMissing(await metadata.missingReferences(repository, required)),
      make: async (intents) => {
        await storage.writeManifest(repository, digest, bytes);
        for (const tag of tags) await storage.writeTag(repository, tag, digest);
        const row = toRow(digest, bytes.length, manifest);
        await metadata.putManifest(repository, row, { references: allReferences(manifest), tags }, { intents });
      },
    });
    return { digest, subject: manifest.subject };
  }

  /** Removes a manifest and every tag that points at it. @throws RegistryError MANIFEST_UNKNOWN, NAME_UNKNOWN, UNSUPPORTED */
  async delete(repository: RepositoryName, digest: Digest): Promise<void> {
    const { changes, deletesAllowed, metadata, storage } = this.#options;
    if (!deletesAllowed) throw deletesDisabled();
    await changes.run({
      things: [wholeRepository(repository)],
      check: async () => void (await this.find(repository, { digest })),
      make: async (lock) => {
        const tags = (await metadata.listTagsOf(repository, digest)) as Tag[];
        await changes.run({
          things: manifestAndTags(repository, digest, tags),
          make: async (intents) => {
            for (const tag of tags) await storage.deleteTag(repository, tag);
            await storage.deleteManifest(repository, digest);
            await metadata.deleteManifest(repository, digest, { intents });
          },
        });
        await metadata.intents.withdraw(lock);
      },
    });
  }
}

function manifestAndTags(repository: RepositoryName, digest: Digest, tags: readonly Tag[]): Intent[] {
  return [
    { repository, kind: 'manifest', key: digest },
    ...tags.map((tag) => ({ repository, kind: 'tag' as const, key: tag })),
  ];
}

/** The manifest as the index keeps it. */
export function toRow(digest: Digest, size: number, manifest: Manifest): ManifestRow {
  const { mediaType, artifactType, subject, annotations } = manifest;
  return { digest, size, mediaType, artifactType, subject, annotations };
}

/** Every digest that a manifest names, there or not. */
export function allReferences(manifest: Manifest) {
  return { blobs: manifest.blobs, manifests: [...new Set(manifest.children.map(({ digest }) => digest))] };
}

/** The digests that must be there before a manifest may be. The subject of a referrer may come later. */
function requiredReferences(manifest: Manifest, { platforms, platformlist }: SparseIndexes) {
  const children = manifest.children.filter(({ platform }) => {
    if (platforms === 'all') return true;
    if (platforms === 'none' || platform === undefined) return false;
    return platformlist.some(({ architecture, os }) => architecture === platform.architecture && os === platform.os);
  });
  return { blobs: manifest.blobs, manifests: [...new Set(children.map(({ digest }) => digest))] };
}

function refuseMissing(digests: readonly string[]): void {
  if (digests.length > 0) {
    throw new RegistryError('MANIFEST_BLOB_UNKNOWN', {
      detail: { missing: digests, message: 'push these to the repository first, or mount them' },
    });
  }
}
