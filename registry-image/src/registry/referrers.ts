import type { MetadataStore } from '../metadata/metadata-store.ts';
import type { Digest } from './digest.ts';
import { MEDIA_TYPES } from './manifest-schema.ts';
import type { RepositoryName } from './reference.ts';

/** https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers */
export interface ReferrersIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly manifests: readonly {
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
    readonly artifactType?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
}

/** Manifests by the manifest that they say something about. */
export class Referrers {
  readonly #metadata: MetadataStore;

  constructor(metadata: MetadataStore) {
    this.#metadata = metadata;
  }

  /** An index of what refers to a digest, empty when nothing does or the digest is unknown. */
  async list(repository: RepositoryName, subject: Digest, artifactType?: string): Promise<ReferrersIndex> {
    const rows = await this.#metadata.listReferrers(repository, subject);
    const manifests = rows
      .filter((row) => artifactType === undefined || row.artifactType === artifactType)
      .map(({ mediaType, digest, size, artifactType, annotations }) => ({
        mediaType,
        digest,
        size,
        ...(artifactType === undefined ? {} : { artifactType }),
        ...(annotations === undefined ? {} : { annotations }),
      }));
    return { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
  }
}
