/**
 * Where everything is kept: the layout of CNCF distribution 2 and 3, so that both serve the same directory or bucket
 * (https://github.com/distribution/distribution/blob/v3.0.0/registry/storage/paths.go).
 *
 *   docker/registry/v2/
 *     blobs/<algorithm>/<first two of hex>/<hex>/data          bytes of a layer, a config or a manifest
 *     repositories/<name>/
 *       _layers/<algorithm>/<hex>/link                          the repository may serve this blob
 *       _manifests/revisions/<algorithm>/<hex>/link             the repository has this manifest
 *       _manifests/tags/<tag>/current/link                      what the tag points at
 *       _manifests/tags/<tag>/index/<algorithm>/<hex>/link      what it has pointed at
 *   uploads/<id>/data                                           an upload in progress
 *
 * A link holds a digest as text. Distribution keeps uploads below each repository; here they have one prefix of their own, so
 * that a bucket's lifecycle rule can expire them without ever matching live data.
 *
 * Names, tags and digests must have been parsed (registry/reference.ts, registry/digest.ts).
 */
const ROOT = 'docker/registry/v2';

export const REPOSITORIES_PREFIX = `${ROOT}/repositories/`;
export const UPLOADS_PREFIX = 'uploads/';

/** `sha256:abcd` as a path: `sha256/abcd`. */
function digestPath(digest: string): string {
  return digest.replace(':', '/');
}

export function blobDataKey(digest: string): string {
  const [algorithm, hex = ''] = digest.split(':');
  return `${ROOT}/blobs/${algorithm}/${hex.slice(0, 2)}/${hex}/data`;
}

export function layerLinkKey(repository: string, digest: string): string {
  return `${REPOSITORIES_PREFIX}${repository}/_layers/${digestPath(digest)}/link`;
}

export function revisionLinkKey(repository: string, digest: string): string {
  return `${REPOSITORIES_PREFIX}${repository}/_manifests/revisions/${digestPath(digest)}/link`;
}

export function tagPrefix(repository: string, tag: string): string {
  return `${REPOSITORIES_PREFIX}${repository}/_manifests/tags/${tag}/`;
}

export function tagCurrentKey(repository: string, tag: string): string {
  return `${tagPrefix(repository, tag)}current/link`;
}

export function tagIndexKey(repository: string, tag: string, digest: string): string {
  return `${tagPrefix(repository, tag)}index/${digestPath(digest)}/link`;
}

/** Where distribution keeps the uploads in progress of a repository. */
export function distributionUploadsPrefix(repository: string): string {
  return `${REPOSITORIES_PREFIX}${repository}/_uploads/`;
}

export function uploadKey(id: string): string {
  return `${UPLOADS_PREFIX}${id}/data`;
}

/** What a link below `repositories/` says by its path alone. */
export type LinkPath =
  | { readonly kind: 'layer' | 'revision'; readonly repository: string; readonly digest: string }
  | { readonly kind: 'tag'; readonly repository: string; readonly tag: string };

const LAYER = /^(.+)\/_layers\/([^/]+)\/([^/]+)\/link$/;
const REVISION = /^(.+)\/_manifests\/revisions\/([^/]+)\/([^/]+)\/link$/;
const TAG_CURRENT = /^(.+)\/_manifests\/tags\/([^/]+)\/current\/link$/;

/** Reads a key of the layout backwards; `undefined` for keys that are none of these links. Nothing in it is checked yet. */
export function parseLinkKey(key: string): LinkPath | undefined {
  if (!key.startsWith(REPOSITORIES_PREFIX)) return undefined;
  const path = key.slice(REPOSITORIES_PREFIX.length);
  const tag = TAG_CURRENT.exec(path);
  if (tag) return { kind: 'tag', repository: tag[1] as string, tag: tag[2] as string };
  for (const [kind, pattern] of [
    ['layer', LAYER],
    ['revision', REVISION],
  ] as const) {
    const match = pattern.exec(path);
    if (match) return { kind, repository: match[1] as string, digest: `${match[2]}:${match[3]}` };
  }
  return undefined;
}
