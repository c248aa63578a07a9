import { RegistryError } from '../errors/registry-error.ts';
import { IntentLostError, type IntentRow } from '../metadata/intents.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { parseLinkKey, REPOSITORIES_PREFIX } from '../storage/key-layout.ts';
import { ObjectNotFoundError, type StorageDriver } from '../storage/storage-driver.ts';
import { type Digest, digestAlgorithm, digestOf, parseDigest } from './digest.ts';
import { inParallel } from './in-parallel.ts';
import { type Manifest, parseManifest } from './manifest-schema.ts';
import { allReferences, toRow } from './manifests.ts';
import { isTag, parseRepositoryName, type RepositoryName, type Tag } from './reference.ts';
import { RepositoryStorage } from './repository-storage.ts';

export interface ReindexReport {
  repositories: number;
  blobs: number;
  manifests: number;
  tags: number;
  /** What storage holds and the index cannot take, with the reason. */
  skipped: { key: string; reason: string }[];
}

/** Things read from storage at a time while the index is built. */
const AT_A_TIME = 64;

/** Children before what names them; the lock of the whole repository last. */
const FOLLOW_UP_ORDER = { blob: 0, manifest: 1, tag: 2, repository: 3 } as const;

/**
 * Makes the index say what storage says. `rebuild` does so for everything; `reconcile` for the few things that an earlier
 * process had begun to change when it ended.
 */
export class Reindexer {
  readonly #driver: StorageDriver;
  readonly #storage: RepositoryStorage;
  readonly #metadata: MetadataStore;

  constructor(driver: StorageDriver, metadata: MetadataStore) {
    this.#driver = driver;
    this.#storage = new RepositoryStorage(driver);
    this.#metadata = metadata;
  }

  /** Empties the index and fills it from storage: blobs, then manifests, then tags. */
  async rebuild(): Promise<ReindexReport> {
    const report: ReindexReport = { repositories: 0, blobs: 0, manifests: 0, tags: 0, skipped: [] };
    await this.#metadata.clear();
    const manifests: { repository: RepositoryName; digest: Digest }[] = [];
    const tags: { repository: RepositoryName; tag: Tag }[] = [];
    const repositories = new Set<RepositoryName>();
    await inParallel(this.#driver.list(REPOSITORIES_PREFIX), AT_A_TIME, async ({ key }) => {
      const link = this.#readKey(key, report);
      if (link === undefined) return;
      repositories.add(link.repository);
      if (link.kind === 'tag') tags.push(link);
      else if (link.kind === 'revision') manifests.push(link);
      else if (await this.#blob(link.repository, link.digest, [])) report.blobs += 1;
      else report.skipped.push({ key, reason: 'the link leads to no blob' });
    });
    await inParallel(manifests, AT_A_TIME, async ({ repository, digest }) => {
      const reason = await this.#manifest(repository, digest, []);
      if (reason === undefined) report.manifests += 1;
      else report.skipped.push({ key: `${repository}@${digest}`, reason });
    });
    await inParallel(tags, AT_A_TIME, async ({ repository, tag }) => {
      if (await this.#tag(repository, tag, [])) report.tags += 1;
      else
        report.skipped.push({ key: `${repository}:${tag}`, reason: 'the tag points at no manifest of the repository' });
    });
    report.skipped.sort((one, other) => (one.key < other.key ? -1 : 1));
    report.repositories = repositories.size;
    await this.#metadata.markBuilt();
    return report;
  }

  /** Follows up what dead processes had begun to change; returns how many intents there were. */
  async reconcile(): Promise<number> {
    const intents = await this.#metadata.intents.listAbandoned();
    await this.followUp(intents);
    return intents.length;
  }

  /** Reads what the intents name from storage again, and strikes them. What another process follows up meanwhile is left to it. */
  async followUp(intents: readonly IntentRow[]): Promise<void> {
    for (const intent of intents.toSorted((a, b) => FOLLOW_UP_ORDER[a.kind] - FOLLOW_UP_ORDER[b.kind])) {
      try {
        await this.#followUpOne(intent);
      } catch (error) {
        if (!(error instanceof IntentLostError)) throw error;
      }
    }
  }

  async #followUpOne({ id, repository, kind, key }: IntentRow): Promise<void> {
    const name = repository as RepositoryName;
    if (kind === 'blob') {
      const digest = key as Digest;
      // A link without bytes, of an upload that did not get so far, would be found by nobody any more.
      if ((await this.#storage.statBlob(digest)) === undefined) await this.#storage.unlinkBlob(name, digest);
      await this.#blob(name, digest, [id]);
    } else if (kind === 'manifest') await this.#manifest(name, key as Digest, [id]);
    else if (kind === 'tag') await this.#tag(name, key as Tag, [id]);
    else await this.#metadata.intents.withdraw([id]);
  }

  #readKey(key: string, report: ReindexReport) {
    const link = parseLinkKey(key);
    if (link === undefined) return undefined;
    try {
      const repository = parseRepositoryName(link.repository);
      if (link.kind === 'tag') {
        if (isTag(link.tag)) return { kind: link.kind, repository, tag: link.tag };
        report.skipped.push({ key, reason: 'not a tag by the grammar' });
        return undefined;
      }
      const digest = parseDigest(link.digest);
      if (digest !== undefined) return { kind: link.kind, repository, digest };
      report.skipped.push({ key, reason: 'not a digest by the grammar' });
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      report.skipped.push({ key, reason: String(error.detail) });
    }
    return undefined;
  }

  async #blob(repository: RepositoryName, digest: Digest, intents: readonly string[]): Promise<boolean> {
    const size = await this.#storage.statLinkedBlob(repository, digest);
    if (size === undefined) await this.#metadata.unlinkBlob(repository, digest, { intents });
    else await this.#metadata.linkBlob(repository, { digest, size }, { intents });
    return size !== undefined;
  }

  /** Returns why the manifest is not in the index now; `undefined` when it is. */
  async #manifest(repository: RepositoryName, digest: Digest, intents: readonly string[]): Promise<string | undefined> {
    const found = await this.#readManifest(repository, digest);
    if (typeof found === 'string') {
      await this.#metadata.deleteManifest(repository, digest, { intents });
      return found;
    }
    const { manifest, size } = found;
    // Children and layers may be gone, by a sparse index or an earlier delete: what can be pulled of it still can.
    const change = { references: allReferences(manifest), tags: [] };
    await this.#metadata.putManifest(repository, toRow(digest, size, manifest), change, { intents });
    return undefined;
  }

  async #readManifest(
    repository: RepositoryName,
    digest: Digest,
  ): Promise<{ manifest: Manifest; size: number } | string> {
    if (!(await this.#storage.hasManifest(repository, digest))) return 'the link is gone';
    try {
      const bytes = await this.#storage.readWhole(digest);
      if (digestOf(bytes, digestAlgorithm(digest)) !== digest) return 'the bytes do not match the digest';
      return { manifest: parseManifest(bytes), size: bytes.length };
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return 'the link leads to no manifest';
      if (error instanceof RegistryError) return String(error.detail);
      throw error;
    }
  }

  async #tag(repository: RepositoryName, tag: Tag, intents: readonly string[]): Promise<boolean> {
    const digest = await this.#storage.readTag(repository, tag);
    const isThere = digest !== undefined && (await this.#metadata.findManifest(repository, digest)) !== undefined;
    if (isThere) await this.#metadata.putTag(repository, tag, digest, { intents });
    else await this.#metadata.deleteTag(repository, tag, { intents });
    return isThere;
  }
}
