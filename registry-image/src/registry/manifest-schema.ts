import { z } from 'zod';
import { RegistryError } from '../errors/registry-error.ts';
import { DIGEST_GRAMMAR, type Digest, parseDigest } from './digest.ts';

export const MEDIA_TYPES = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const;

const INDEX_TYPES: readonly string[] = [MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerList];
const KNOWN_TYPES: readonly string[] = Object.values(MEDIA_TYPES);

/** Layers of these types are fetched from their own URLs and may be absent: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#non-distributable-layers */
const FOREIGN_LAYER = /^application\/vnd\.(?:docker\.image\.rootfs\.foreign|oci\.image\.layer\.nondistributable)\./;

const digest = z.string().transform((text, context) => {
  const parsed = parseDigest(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: `is not a digest: ${DIGEST_GRAMMAR}` });
  return z.NEVER;
});

/** https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md */
const descriptor = z.looseObject({
  mediaType: z.string().min(1),
  digest,
  size: z.int().min(0),
  urls: z.array(z.string()).nullish(),
  platform: z.looseObject({ architecture: z.string(), os: z.string() }).nullish(),
});

const common = {
  schemaVersion: z.literal(2),
  mediaType: z.string().nullish(),
  artifactType: z.string().nullish(),
  subject: descriptor.nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
};

/** Go writes an empty list that nobody has touched as null, and tools send it so. */
const descriptors = z
  .array(descriptor)
  .nullable()
  .transform((list) => list ?? []);

/** https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md */
const imageManifest = z.looseObject({ ...common, config: descriptor, layers: descriptors });

/** https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md */
const imageIndex = z.looseObject({ ...common, manifests: descriptors });

export interface Platform {
  readonly architecture: string;
  readonly os: string;
}

/** What a manifest says, as far as a registry must know. */
export interface Manifest {
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly subject: Digest | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  /** Digests of the config and the layers that must be in the repository. */
  readonly blobs: readonly Digest[];
  /** Manifests that an index names. */
  readonly children: readonly { readonly digest: Digest; readonly platform: Platform | undefined }[];
}

/**
 * Reads a manifest.
 *
 * @param contentType of the request that brings it; left out when it comes from storage
 * @throws RegistryError MANIFEST_INVALID
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): Manifest {
  const value = parseJson(bytes);
  const declared = typeof value.mediaType === 'string' ? value.mediaType : undefined;
  if (contentType !== undefined && declared !== undefined && declared !== contentType) {
    throw invalid(
      `the Content-Type "${contentType}" is not the manifest's own mediaType "${declared}"; send the same in both`,
    );
  }
  if (value.schemaVersion === 1) throw invalid('Schema 1 manifest not supported');
  const mediaType =
    contentType ?? declared ?? (Array.isArray(value.manifests) ? MEDIA_TYPES.ociIndex : MEDIA_TYPES.ociManifest);
  if (!KNOWN_TYPES.includes(mediaType)) {
    throw invalid(`the media type "${mediaType}" is not one of ${KNOWN_TYPES.join(', ')}`);
  }
  return INDEX_TYPES.includes(mediaType) ? readIndex(value, mediaType) : readImage(value, mediaType);
}

function readImage(value: object, mediaType: string): Manifest {
  if ('manifests' in value) throw invalid(`a manifest of type "${mediaType}" has no "manifests"; is it an index?`);
  const manifest = check(imageManifest, value);
  const layers = manifest.layers.filter(({ mediaType, urls }) => !FOREIGN_LAYER.test(mediaType) && !urls?.length);
  return {
    mediaType,
    // https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
    artifactType: manifest.artifactType || manifest.config.mediaType,
    subject: manifest.subject?.digest,
    annotations: manifest.annotations ?? undefined,
    blobs: [...new Set([manifest.config.digest, ...layers.map(({ digest }) => digest)])],
    children: [],
  };
}

function readIndex(value: object, mediaType: string): Manifest {
  if ('layers' in value || 'config' in value) {
    throw invalid(`an index of type "${mediaType}" has neither "config" nor "layers"; is it an image manifest?`);
  }
  const index = check(imageIndex, value);
  return {
    mediaType,
    artifactType: index.artifactType || undefined,
    subject: index.subject?.digest,
    annotations: index.annotations ?? undefined,
    blobs: [],
    children: index.manifests.map(({ digest, platform }) => ({ digest, platform: platform ?? undefined })),
  };
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new RegistryError('MANIFEST_INVALID', {
      detail: `the manifest is not JSON: ${(cause as Error).message}`,
      cause,
    });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw invalid('the manifest is not a JSON object');
  return value as Record<string, unknown>;
}

function check<T extends z.ZodType>(schema: T, value: object): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(
    result.error.issues.map(({ path, message }) => `${path.join('.') || 'manifest'}: ${message}`).join('; '),
  );
}

function invalid(detail: string): RegistryError {
  return new RegistryError('MANIFEST_INVALID', { detail });
}
