import { sql } from 'kysely';
import type { IndexDatabase } from './index-database.ts';
import { Intents, strikeIntents } from './intents.ts';
import { Lookups, type ManifestDescriptor } from './lookups.ts';
import {
  type ManifestChange,
  type ManifestReferences,
  type ManifestRow,
  manifestOf,
  missingReferences,
  putManifest,
  putTag,
} from './manifest-row.ts';
import { migrate } from './migrations.ts';
import { livingProcesses, Processes } from './processes.ts';
import { ensureRepository, findRepositoryId } from './repository-row.ts';
import { firstRowOf, rowsOf, run, type Transaction } from './transaction.ts';
import { deleteUpload, UploadSessions } from './upload-sessions.ts';

export interface Page {
  /** Names after this one; left out: from the start. */
  readonly after?: string;
  readonly limit: number;
}

/** What a change of the index brings to its end. */
export interface Fulfils {
  /** Ids of the intents that announced it. */
  readonly intents: readonly string[];
  /** Id of the upload that it came by. */
  readonly upload?: string;
}

/** The setting that names the process that builds the index. */
const BUILDER = 'builder';

/** Tables that storage can give back, children before their parents. */
const REBUILT = [
  'tags',
  'manifest_references',
  'manifests',
  'repository_blobs',
  'blobs',
  'repositories',
  'intents',
] as const;

/**
 * The index: everything a request asks for by name, without listing storage. Names and digests come in parsed. Each method that
 * changes something is one transaction, in which the intents that it fulfils are struck.
 */
export class MetadataStore {
  readonly uploads: UploadSessions;
  readonly intents: Intents;
  readonly processes: Processes;
  readonly #database: IndexDatabase;
  readonly #lookups: Lookups;

  private constructor(database: IndexDatabase) {
    this.#database = database;
    this.processes = new Processes(database);
    this.uploads = new UploadSessions(database, this.processes);
    this.intents = new Intents(database, this.processes);
    this.#lookups = new Lookups(database.queries);
  }

  /**
   * Opens the index, brings its tables up to this version, and counts this process among those that use it.
   *
   * @param options.alone no other process does: what an earlier one has left behind is free at once. @default false
   */
  static async open(database: IndexDatabase, { alone = false } = {}): Promise<MetadataStore> {
    try {
      await migrate(database);
      const store = new MetadataStore(database);
      await store.processes.join(alone);
      return store;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.intents.close();
    await this.processes.leave();
    await this.#database.close();
  }

  /** Fails when the index does not answer. */
  async ping(): Promise<void> {
    await this.#database.read(rowsOf(this.#database.queries.selectNoFrom(sql`1`.as('one'))));
  }

  // Repositories

  async hasRepository(repository: string): Promise<boolean> {
    return (await this.#database.read(findRepositoryId(this.#database.queries, repository))) !== undefined;
  }

  async listRepositories(page: Page): Promise<string[]> {
    const query = this.#database.queries
      .selectFrom('repositories')
      .select('name')
      .$if(page.after !== undefined, (narrowed) => narrowed.where('name', '>', page.after as string))
      .orderBy('name')
      .limit(page.limit);
    return (await this.#database.read(rowsOf(query))).map(({ name }) => name);
  }

  // Blobs

  /** Size in bytes of a blob that the repository may serve. */
  async findBlob(repository: string, digest: string): Promise<number | undefined> {
    return this.#database.read(this.#lookups.blobSize(repository, digest));
  }

  /** Names of the repositories that may serve a blob, at most `limit` of them. */
  async listRepositoriesWithBlob(digest: string, limit: number): Promise<string[]> {
    const query = this.#database.queries
      .selectFrom('repository_blobs as link')
      .innerJoin('repositories', 'repositories.id', 'link.repository_id')
      .select('repositories.name')
      .where('link.digest', '=', digest)
      .limit(limit);
    return (await this.#database.read(rowsOf(query))).map(({ name }) => name);
  }

  async linkBlob(
    repository: string,
    blob: { readonly digest: string; readonly size: number },
    fulfils: Fulfils,
  ): Promise<void> {
    const { queries } = this.#database;
    const now = Date.now();
    await this.#change(fulfils, function* () {
      const repository_id = yield* ensureRepository(queries, repository, now);
      yield* run(
        queries
          .insertInto('blobs')
          .values({ digest: blob.digest, size: blob.size, created_at: now })
          .onConflict((conflict) => conflict.column('digest').doUpdateSet({ size: blob.size })),
      );
      yield* run(
        queries
          .insertInto('repository_blobs')
          .values({ repository_id, digest: blob.digest, linked_at: now })
          .onConflict((conflict) => conflict.doNothing()),
      );
    });
  }

  async unlinkBlob(repository: string, digest: string, fulfils: Fulfils): Promise<void> {
    const { queries } = this.#database;
    await this.#change(fulfils, function* () {
      const id = yield* findRepositoryId(queries, repository);
      if (id === undefined) return;
      yield* run(queries.deleteFrom('repository_blobs').where('repository_id', '=', id).where('digest', '=', digest));
    });
  }

  // Manifests

  /** What a manifest is, by its digest. */
  async findManifest(repository: string, digest: string): Promise<ManifestDescriptor | undefined> {
    return this.#database.read(this.#lookups.manifest(repository, digest));
  }

  /** What the manifest is that a tag points at. */
  async findTaggedManifest(repository: string, tag: string): Promise<ManifestDescriptor | undefined> {
    return this.#database.read(this.#lookups.taggedManifest(repository, tag));
  }

  /** Manifests whose `subject` is the digest, oldest first: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers */
  async listReferrers(repository: string, subject: string): Promise<ManifestRow[]> {
    const query = this.#database.queries
      .selectFrom('manifests')
      .innerJoin('repositories', 'repositories.id', 'manifests.repository_id')
      .select(['manifests.digest', 'media_type', 'artifact_type', 'size', 'subject', 'annotations'])
      .where('repositories.name', '=', repository)
      .where('manifests.subject', '=', subject)
      .orderBy('manifests.pushed_at')
      .orderBy('manifests.digest');
    return (await this.#database.read(rowsOf(query))).map(manifestOf);
  }

  /** Those of the references that the repository does not have. */
  async missingReferences(repository: string, references: ManifestReferences): Promise<string[]> {
    return this.#database.read(missingReferences(this.#database.queries, repository, references));
  }

  /** Adds or replaces a manifest and points the tags at it. */
  async putManifest(
    repository: string,
    manifest: ManifestRow,
    change: ManifestChange,
    fulfils: Fulfils,
  ): Promise<void> {
    await this.#change(fulfils, () => putManifest(this.#database.queries, repository, manifest, change));
  }

  /** Removes a manifest and the tags that point at it. */
  async deleteManifest(repository: string, digest: string, fulfils: Fulfils): Promise<void> {
    const { queries } = this.#database;
    await this.#change(fulfils, function* () {
      const id = yield* findRepositoryId(queries, repository);
      if (id === undefined) return;
      yield* run(queries.deleteFrom('manifests').where('repository_id', '=', id).where('digest', '=', digest));
    });
  }

  // Tags

  async listTags(repository: string, page: Page): Promise<string[]> {
    const query = this.#database.queries
      .selectFrom('tags')
      .innerJoin('repositories', 'repositories.id', 'tags.repository_id')
      .select('tags.name')
      .where('repositories.name', '=', repository)
      .$if(page.after !== undefined, (narrowed) => narrowed.where('tags.name', '>', page.after as string))
      .orderBy('tags.name')
      .limit(page.limit);
    return (await this.#database.read(rowsOf(query))).map(({ name }) => name);
  }

  async listTagsOf(repository: string, digest: string): Promise<string[]> {
    const query = this.#database.queries
      .selectFrom('tags')
      .innerJoin('repositories', 'repositories.id', 'tags.repository_id')
      .select('tags.name')
      .where('repositories.name', '=', repository)
      .where('tags.digest', '=', digest);
    return (await this.#database.read(rowsOf(query))).map(({ name }) => name);
  }

  /** Points a tag at a manifest that the repository has. */
  async putTag(repository: string, tag: string, digest: string, fulfils: Fulfils): Promise<void> {
    const { queries } = this.#database;
    await this.#change(fulfils, function* () {
      yield* putTag(queries, yield* ensureRepository(queries, repository, Date.now()), tag, digest);
    });
  }

  async deleteTag(repository: string, tag: string, fulfils: Fulfils): Promise<void> {
    const { queries } = this.#database;
    await this.#change(fulfils, function* () {
      const id = yield* findRepositoryId(queries, repository);
      if (id === undefined) return;
      yield* run(queries.deleteFrom('tags').where('repository_id', '=', id).where('name', '=', tag));
    });
  }

  // The whole

  /** Whether the index has been built from storage, or has grown with it from the start. */
  async isBuilt(): Promise<boolean> {
    const query = this.#database.queries.selectFrom('settings').select('value').where('name', '=', 'built');
    return (await this.#database.read(firstRowOf(query))) !== undefined;
  }

  /**
   * Lets one process at a time build the index, until it marks it as built or ends.
   *
   * @param options.alone only when no other process uses the index. @default false
   * @returns whether it is this one
   */
  async claimBuilding({ alone = false } = {}): Promise<boolean> {
    const database = this.#database;
    const { queries } = database;
    const own = { name: BUILDER, value: this.processes.id };
    return database.write(function* () {
      const others = yield* livingProcesses(database);
      others.delete(own.value);
      if (alone && others.size > 0) return false;
      const insert = queries.insertInto('settings').values(own);
      if ((yield* run(insert.onConflict((conflict) => conflict.doNothing()))) === 1) return true;
      const builder = yield* firstRowOf(queries.selectFrom('settings').select('value').where('name', '=', BUILDER));
      if (builder === undefined || others.has(builder.value)) return false;
      const takeOver = queries.updateTable('settings').set(own).where('name', '=', BUILDER);
      return (yield* run(takeOver.where('value', '=', builder.value))) === 1;
    });
  }

  async markBuilt(): Promise<void> {
    const { queries } = this.#database;
    const value = new Date().toISOString();
    await this.#database.write(function* () {
      yield* run(
        queries
          .insertInto('settings')
          .values({ name: 'built', value })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value })),
      );
      yield* run(queries.deleteFrom('settings').where('name', '=', BUILDER));
    });
  }

  /** Empties everything that storage can give back; uploads in progress stay. No other process may be at work on the index. */
  async clear(): Promise<void> {
    const { queries } = this.#database;
    this.#lookups.forget();
    await this.#database.write(function* () {
      for (const table of REBUILT) yield* run(queries.deleteFrom(table));
      yield* run(queries.deleteFrom('settings').where('name', '=', 'built'));
    });
  }

  #change({ intents, upload }: Fulfils, work: () => Transaction<void>): Promise<void> {
    const database = this.#database;
    return database.write(
      function* () {
        // First, so that a change that another process has taken over does nothing.
        yield* strikeIntents(database, intents);
        yield* work();
        if (upload !== undefined) yield* deleteUpload(database, upload);
      },
      // A power cut that takes this back leaves the intents, which were durable before storage was written: the next start follows
      // them up. What nothing announced is taken from storage, and would be again.
      { durable: false },
    );
  }
}
