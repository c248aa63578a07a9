import { type Dialect, Kysely, sql, type Transaction } from 'kysely';
import { Intents, strikeIntents } from './intents.ts';
import { type ManifestReferences, type ManifestRow, manifestOf, missingReferences } from './manifest-row.ts';
import { type IndexBackend, migrate } from './migrations.ts';
import { ensureRepository, findRepositoryId } from './repository-row.ts';
import type { IndexTables } from './schema.ts';
import { UploadSessions } from './upload-sessions.ts';

export interface Page {
  /** Names after this one; left out: from the start. */
  readonly after?: string;
  readonly limit: number;
}

/**
 * The index: everything a request asks for by name, without listing storage. Names and digests come in parsed. Each method that
 * changes something is one transaction, and takes the ids of the intents that it fulfils.
 */
export class MetadataStore {
  readonly uploads: UploadSessions;
  readonly intents: Intents;
  readonly #db: Kysely<IndexTables>;

  private constructor(db: Kysely<IndexTables>) {
    this.#db = db;
    this.uploads = new UploadSessions(db);
    this.intents = new Intents(db);
  }

  /** Opens the index and brings its tables up to this version. */
  static async open(dialect: Dialect, backend: IndexBackend): Promise<MetadataStore> {
    const db = new Kysely<IndexTables>({ dialect });
    try {
      await migrate(db, backend);
    } catch (error) {
      await db.destroy();
      throw error;
    }
    return new MetadataStore(db);
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  /** Fails when the index does not answer. */
  async ping(): Promise<void> {
    await sql`select 1`.execute(this.#db);
  }

  // Repositories

  async hasRepository(repository: string): Promise<boolean> {
    const row = await this.#db
      .selectFrom('repositories')
      .select('id')
      .where('name', '=', repository)
      .executeTakeFirst();
    return row !== undefined;
  }

  async listRepositories(page: Page): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('repositories')
      .select('name')
      .$if(page.after !== undefined, (query) => query.where('name', '>', page.after as string))
      .orderBy('name')
      .limit(page.limit)
      .execute();
    return rows.map(({ name }) => name);
  }

  // Blobs

  /** Size in bytes of a blob that the repository may serve. */
  async findBlob(repository: string, digest: string): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('repository_blobs as link')
      .innerJoin('repositories', 'repositories.id', 'link.repository_id')
      .innerJoin('blobs', 'blobs.digest', 'link.digest')
      .select('blobs.size')
      .where('repositories.name', '=', repository)
      .where('link.digest', '=', digest)
      .executeTakeFirst();
    return row?.size;
  }

  /** Names of the repositories that may serve a blob, at most `limit` of them. */
  async listRepositoriesWithBlob(digest: string, limit: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('repository_blobs as link')
      .innerJoin('repositories', 'repositories.id', 'link.repository_id')
      .select('repositories.name')
      .where('link.digest', '=', digest)
      .limit(limit)
      .execute();
    return rows.map(({ name }) => name);
  }

  async linkBlob(
    repository: string,
    blob: { digest: string; size: number },
    intents: readonly string[],
  ): Promise<void> {
    const now = Date.now();
    await this.#write(async (tx) => {
      const repository_id = await ensureRepository(tx, repository, now);
      await tx
        .insertInto('blobs')
        .values({ ...blob, created_at: now })
        .onConflict((conflict) => conflict.column('digest').doUpdateSet({ size: blob.size }))
        .execute();
      await tx
        .insertInto('repository_blobs')
        .values({ repository_id, digest: blob.digest, linked_at: now })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      await strikeIntents(tx, intents);
    });
  }

  async unlinkBlob(repository: string, digest: string, intents: readonly string[]): Promise<void> {
    await this.#write(async (tx) => {
      const repository_id = await findRepositoryId(tx, repository);
      if (repository_id !== undefined) {
        await tx
          .deleteFrom('repository_blobs')
          .where('repository_id', '=', repository_id)
          .where('digest', '=', digest)
          .execute();
      }
      await strikeIntents(tx, intents);
    });
  }

  // Manifests

  async findManifest(repository: string, digest: string): Promise<ManifestRow | undefined> {
    const row = await this.#manifests(repository).where('manifests.digest', '=', digest).executeTakeFirst();
    return row && manifestOf(row);
  }

  /** The manifest that a tag points at. */
  async findTaggedManifest(repository: string, tag: string): Promise<ManifestRow | undefined> {
    const row = await this.#manifests(repository)
      .innerJoin('tags', (join) =>
        join.onRef('tags.repository_id', '=', 'manifests.repository_id').onRef('tags.digest', '=', 'manifests.digest'),
      )
      .where('tags.name', '=', tag)
      .executeTakeFirst();
    return row && manifestOf(row);
  }

  /** Manifests whose `subject` is the digest, oldest first: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers */
  async listReferrers(repository: string, subject: string): Promise<ManifestRow[]> {
    const rows = await this.#manifests(repository)
      .where('manifests.subject', '=', subject)
      .orderBy('manifests.pushed_at')
      .orderBy('manifests.digest')
      .execute();
    return rows.map(manifestOf);
  }

  /** Those of the references that the repository does not have. */
  async missingReferences(repository: string, references: ManifestReferences): Promise<string[]> {
    return missingReferences(this.#db, await findRepositoryId(this.#db, repository), references);
  }

  /** Adds or replaces a manifest and points the tags at it. Returns the references that are missing; then nothing is changed. */
  async putManifest(
    repository: string,
    manifest: ManifestRow,
    options: {
      references: ManifestReferences;
      required: ManifestReferences;
      tags?: readonly string[];
      intents: readonly string[];
    },
  ): Promise<string[]> {
    const now = Date.now();
    return this.#write(async (tx) => {
      const missing = await missingReferences(tx, await findRepositoryId(tx, repository), options.required);
      if (missing.length > 0) return missing;
      const repository_id = await ensureRepository(tx, repository, now);
      const key = { repository_id, digest: manifest.digest };
      const content = {
        media_type: manifest.mediaType,
        artifact_type: manifest.artifactType ?? null,
        size: manifest.size,
        subject: manifest.subject ?? null,
        annotations: manifest.annotations === undefined ? null : JSON.stringify(manifest.annotations),
      };
      await tx
        .insertInto('manifests')
        .values({ ...key, ...content, pushed_at: now })
        .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doUpdateSet(content))
        .execute();
      const references = [
        ...options.references.blobs.map((digest) => ({ digest, kind: 'blob' as const })),
        ...options.references.manifests.map((digest) => ({ digest, kind: 'manifest' as const })),
      ].map((reference) => ({ repository_id, manifest_digest: manifest.digest, ...reference }));
      if (references.length > 0) {
        await tx
          .insertInto('manifest_references')
          .values(references)
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      }
      for (const name of options.tags ?? []) {
        const target = { digest: manifest.digest, updated_at: now };
        await tx
          .insertInto('tags')
          .values({ repository_id, name, ...target })
          .onConflict((conflict) => conflict.columns(['repository_id', 'name']).doUpdateSet(target))
          .execute();
      }
      await strikeIntents(tx, options.intents);
      return [];
    });
  }

  /** Removes a manifest and the tags that point at it. */
  async deleteManifest(repository: string, digest: string, intents: readonly string[]): Promise<void> {
    await this.#write(async (tx) => {
      const repository_id = await findRepositoryId(tx, repository);
      if (repository_id !== undefined) {
        await tx
          .deleteFrom('manifests')
          .where('repository_id', '=', repository_id)
          .where('digest', '=', digest)
          .execute();
      }
      await strikeIntents(tx, intents);
    });
  }

  // Tags

  /** Tags in the order of their bytes. */
  async listTags(repository: string, page: Page): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('tags')
      .innerJoin('repositories', 'repositories.id', 'tags.repository_id')
      .select('tags.name')
      .where('repositories.name', '=', repository)
      .$if(page.after !== undefined, (query) => query.where('tags.name', '>', page.after as string))
      .orderBy('tags.name')
      .limit(page.limit)
      .execute();
    return rows.map(({ name }) => name);
  }

  async listTagsOf(repository: string, digest: string): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('tags')
      .innerJoin('repositories', 'repositories.id', 'tags.repository_id')
      .select('tags.name')
      .where('repositories.name', '=', repository)
      .where('tags.digest', '=', digest)
      .execute();
    return rows.map(({ name }) => name);
  }

  async deleteTag(repository: string, tag: string, intents: readonly string[]): Promise<void> {
    await this.#write(async (tx) => {
      const repository_id = await findRepositoryId(tx, repository);
      if (repository_id !== undefined) {
        await tx.deleteFrom('tags').where('repository_id', '=', repository_id).where('name', '=', tag).execute();
      }
      await strikeIntents(tx, intents);
    });
  }

  // The whole

  /** Whether the index has been built from storage, or has grown with it from the start. */
  async isBuilt(): Promise<boolean> {
    const row = await this.#db.selectFrom('settings').select('value').where('name', '=', 'built').executeTakeFirst();
    return row !== undefined;
  }

  async markBuilt(): Promise<void> {
    await this.#db
      .insertInto('settings')
      .values({ name: 'built', value: new Date().toISOString() })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: new Date().toISOString() }))
      .execute();
  }

  /** Empties everything that storage can give back; uploads in progress stay. */
  async clear(): Promise<void> {
    await this.#write(async (tx) => {
      for (const table of [
        'tags',
        'manifest_references',
        'manifests',
        'repository_blobs',
        'blobs',
        'repositories',
        'intents',
      ] as const) {
        await tx.deleteFrom(table).execute();
      }
      await tx.deleteFrom('settings').where('name', '=', 'built').execute();
    });
  }

  #manifests(repository: string) {
    return this.#db
      .selectFrom('manifests')
      .innerJoin('repositories', 'repositories.id', 'manifests.repository_id')
      .select(['manifests.digest', 'media_type', 'artifact_type', 'size', 'subject', 'annotations'])
      .where('repositories.name', '=', repository);
  }

  #write<T>(work: (tx: Transaction<IndexTables>) => Promise<T>): Promise<T> {
    return this.#db.transaction().execute(work);
  }
}
