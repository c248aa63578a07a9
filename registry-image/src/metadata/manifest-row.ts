import type { Kysely } from 'kysely';
import type { IndexTables } from './schema.ts';

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
export async function missingReferences(
  db: Kysely<IndexTables>,
  repositoryId: number | undefined,
  { blobs, manifests }: ManifestReferences,
): Promise<string[]> {
  if (repositoryId === undefined) return [...blobs, ...manifests];
  const missing: string[] = [];
  for (const [table, digests] of [
    ['repository_blobs', blobs],
    ['manifests', manifests],
  ] as const) {
    if (digests.length === 0) continue;
    const rows = await db
      .selectFrom(table)
      .select('digest')
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', [...digests])
      .execute();
    const present = new Set(rows.map(({ digest }) => digest));
    missing.push(...digests.filter((digest) => !present.has(digest)));
  }
  return missing;
}
