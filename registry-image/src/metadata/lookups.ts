import type { Kysely } from 'kysely';
import { LRUCache } from 'lru-cache';
import { findRepositoryId } from './repository-row.ts';
import type { IndexTables } from './schema.ts';
import { firstRowOf, prepared, type Transaction } from './transaction.ts';

const MAX_REPOSITORIES = 10_000;
const MAX_MANIFESTS = 10_000;
const MAX_BLOBS = 10_000;

export interface ManifestDescriptor {
  readonly digest: string;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * The lookups behind every pull, each one query by key. What is remembered is only what never changes: the id of a repository, the
 * size of a blob, and what a manifest of a repository is. Whether the repository has it now is asked of the index every time, so
 * that nothing remembered can give access back that was taken away.
 */
export class Lookups {
  readonly #queries: Kysely<IndexTables>;
  /** Ids are not given to another repository while a process runs: rows of repositories stay until the index is built anew. */
  readonly #repositoryIds = new LRUCache<string, number>({ max: MAX_REPOSITORIES });
  readonly #manifests = new LRUCache<string, ManifestDescriptor>({ max: MAX_MANIFESTS });
  readonly #blobSizes = new LRUCache<string, number>({ max: MAX_BLOBS });
  readonly #ofTag;
  readonly #ofManifest;
  readonly #hasManifest;
  readonly #hasBlob;
  readonly #sizeOfBlob;

  constructor(queries: Kysely<IndexTables>) {
    this.#queries = queries;
    this.#ofTag = prepared((p: { repository: number; tag: string }) =>
      queries.selectFrom('tags').select('digest').where('repository_id', '=', p.repository).where('name', '=', p.tag),
    );
    this.#ofManifest = prepared((p: { repository: number; digest: string }) =>
      queries
        .selectFrom('manifests')
        .select(['digest', 'media_type as mediaType', 'size'])
        .where('repository_id', '=', p.repository)
        .where('digest', '=', p.digest),
    );
    this.#hasManifest = prepared((p: { repository: number; digest: string }) =>
      queries
        .selectFrom('manifests')
        .select('digest')
        .where('repository_id', '=', p.repository)
        .where('digest', '=', p.digest),
    );
    this.#hasBlob = prepared((p: { repository: number; digest: string }) =>
      queries
        .selectFrom('repository_blobs')
        .select('digest')
        .where('repository_id', '=', p.repository)
        .where('digest', '=', p.digest),
    );
    this.#sizeOfBlob = prepared((p: { digest: string }) =>
      queries.selectFrom('blobs').select('size').where('digest', '=', p.digest),
    );
  }

  *taggedManifest(repository: string, tag: string): Transaction<ManifestDescriptor | undefined> {
    const id = yield* this.#idOf(repository);
    if (id === undefined) return undefined;
    const digest = (yield* firstRowOf(this.#ofTag({ repository: id, tag })))?.digest;
    // A tag points at a manifest that the repository has: the index allows no other.
    return digest === undefined ? undefined : yield* this.#describe(id, digest);
  }

  *manifest(repository: string, digest: string): Transaction<ManifestDescriptor | undefined> {
    const id = yield* this.#idOf(repository);
    if (id === undefined) return undefined;
    const isKnown = this.#manifests.has(`${id} ${digest}`);
    if (isKnown && (yield* firstRowOf(this.#hasManifest({ repository: id, digest }))) === undefined) return undefined;
    return yield* this.#describe(id, digest);
  }

  *blobSize(repository: string, digest: string): Transaction<number | undefined> {
    const id = yield* this.#idOf(repository);
    if (id === undefined) return undefined;
    if ((yield* firstRowOf(this.#hasBlob({ repository: id, digest }))) === undefined) return undefined;
    const known = this.#blobSizes.get(digest);
    if (known !== undefined) return known;
    const size = (yield* firstRowOf(this.#sizeOfBlob({ digest })))?.size;
    if (size !== undefined) this.#blobSizes.set(digest, size);
    return size;
  }

  /** Forgets everything, because the index is built anew. */
  forget(): void {
    this.#repositoryIds.clear();
    this.#manifests.clear();
    this.#blobSizes.clear();
  }

  *#idOf(repository: string): Transaction<number | undefined> {
    const known = this.#repositoryIds.get(repository);
    if (known !== undefined) return known;
    const id = yield* findRepositoryId(this.#queries, repository);
    if (id !== undefined) this.#repositoryIds.set(repository, id);
    return id;
  }

  *#describe(repository: number, digest: string): Transaction<ManifestDescriptor | undefined> {
    const key = `${repository} ${digest}`;
    const known = this.#manifests.get(key);
    if (known !== undefined) return known;
    const row = yield* firstRowOf(this.#ofManifest({ repository, digest }));
    if (row !== undefined) this.#manifests.set(key, row);
    return row;
  }
}
