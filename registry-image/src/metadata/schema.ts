import type { Generated } from 'kysely';

/**
 * The tables of the index. Everything but `uploads`, `intents` and `processes` can be rebuilt from storage (registry/reindex.ts). Times are
 * milliseconds since 1970, sizes bytes.
 */
export interface IndexTables {
  repositories: { id: Generated<number>; name: string; created_at: number };
  /** Blobs whose bytes are in storage, whichever repositories link them. */
  blobs: { digest: string; size: number; created_at: number };
  repository_blobs: { repository_id: number; digest: string; linked_at: number };
  manifests: {
    repository_id: number;
    digest: string;
    media_type: string;
    artifact_type: string | null;
    size: number;
    subject: string | null;
    /** JSON object, as the manifest has it. */
    annotations: string | null;
    pushed_at: number;
  };
  manifest_references: {
    repository_id: number;
    manifest_digest: string;
    digest: string;
    kind: 'blob' | 'manifest';
  };
  tags: { repository_id: number; name: string; digest: string; updated_at: number };
  uploads: {
    id: string;
    repository: string;
    algorithm: string;
    started_at: number;
    touched_at: number;
    /** The process that works on it, or did so last. */
    holder: string;
    /** 1 while it does. */
    busy: 0 | 1;
    /** How many bytes, from the first one, `digest` is of; null where that is not known. */
    hashed_bytes: number | null;
    digest: string | null;
  };
  /**
   * Changes of storage that the index has not followed yet: what to look at again after a crash. No two for the same thing; kind
   * `repository`, with an empty key, keeps all others from changing anything in it but adding blobs.
   */
  intents: {
    id: string;
    repository: string;
    kind: 'repository' | 'blob' | 'manifest' | 'tag';
    key: string;
    created_at: number;
    /** The process that declared it. */
    holder: string;
  };
  /** Processes at work on this index, and until when that is sure. */
  processes: { id: string; alive_until: number };
  settings: { name: string; value: string };
}
