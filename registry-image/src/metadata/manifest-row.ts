import type { Kysely } from 'kysely';
import { ensureRepository, findRepositoryId } from './repository-row.ts';
import type { IndexTables } from './schema.ts';
import { rowsOf, run, type Transaction } from './transaction.ts';

export interface ManifestRow {
  readonly digest: string;
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly size: number;
  readonly subject: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

/** What a manifest needs to be there. */
export interface ManifestReferences {
  readonly blobs: readonly string[];
  readonly manifests: readonly string[];
}

type ManifestColumns = 'digest' | 'media_type' | 'artifact_type' | 'size' | 'subject' | 'annotations';

export function manifestOf(row: Pick<IndexTables['manifests'], ManifestColumns>): ManifestRow {
  return {
    digest: row.digest,
    mediaType: row.media_type,
    artifactType: row.artifact_type ?? undefined,
    size: row.size,
    subject: row.subject ?? undefined,
    annotations: row.annotations === null ? undefined : (JSON.parse(row.annotations) as Record<string, string>),
  };
}

/** Those of the references that a repository does not have; all of them, when there is no such repository. */
export function* missingReferences(
  queries: Kysely<IndexTables>,
  repository: string,
  { blobs, manifests }: ManifestReferences,
): Transaction<string[]> {
  const repositoryId = yield* findRepositoryId(queries, repository);
  if (repositoryId === undefined) return [...blobs, ...manifests];
  const missing: string[] = [];
  for (const [table, digests] of [
    ['repository_blobs', blobs],
    ['manifests', manifests],
  ] as const) {
    if (digests.length === 0) continue;
    const rows = yield* rowsOf(
      queries
        .selectFrom(table)
        .select('digest')
        .where('repository_id', '=', repositoryId)
        .where('digest', 'in', [...digests]),
    );
    const present = new Set(rows.map(({ digest }) => digest));
    missing.push(...digests.filter((digest) => !present.has(digest)));
  }
  return missing;
}

export interface ManifestChange {
  readonly references: ManifestReferences;
  /** Tags that shall point at the manifest. */
  readonly tags: readonly string[];
}

/** Adds or replaces a manifest and points the tags at it. */
export function* putManifest(
  queries: Kysely<IndexTables>,
  repository: string,
  manifest: ManifestRow,
  { references, tags }: ManifestChange,
): Transaction<void> {
  const now = Date.now();
  const repository_id = yield* ensureRepository(queries, repository, now);
  const content = {
    media_type: manifest.mediaType,
    artifact_type: manifest.artifactType ?? null,
    size: manifest.size,
    subject: manifest.subject ?? null,
    annotations: manifest.annotations === undefined ? null : JSON.stringify(manifest.annotations),
  };
  yield* run(
    queries
      .insertInto('manifests')
      .values({ repository_id, digest: manifest.digest, ...content, pushed_at: now })
      .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doUpdateSet(content)),
  );
  const rows = [
    ...references.blobs.map((digest) => ({ digest, kind: 'blob' as const })),
    ...references.manifests.map((digest) => ({ digest, kind: 'manifest' as const })),
  ].map((reference) => ({ repository_id, manifest_digest: manifest.digest, ...reference }));
  if (rows.length > 0) {
    yield* run(
      queries
        .insertInto('manifest_references')
        .values(rows)
        .onConflict((conflict) => conflict.doNothing()),
    );
  }
  for (const tag of tags) yield* putTag(queries, repository_id, tag, manifest.digest);
}

/** Points a tag at a manifest of the repository. */
export function* putTag(
  queries: Kysely<IndexTables>,
  repository_id: number,
  name: string,
  digest: string,
): Transaction<void> {
  const target = { digest, updated_at: Date.now() };
  yield* run(
    queries
      .insertInto('tags')
      .values({ repository_id, name, ...target })
      .onConflict((conflict) => conflict.columns(['repository_id', 'name']).doUpdateSet(target)),
  );
}
