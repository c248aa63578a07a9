/**
 * Repository names have slashes, and a router's parameter is one segment. Before routing, the name in a path such as
 * `/v2/group/project/manifests/latest` is encoded into one segment (`/v2/group%2Fproject/manifests/latest`), so that every
 * endpoint is an ordinary route with a `:name`.
 *
 * A component of a name may itself be `blobs` or `manifests`: the last one in the path is the endpoint's.
 */
const ENDPOINTS = [
  /^\/v2\/(.+)(\/blobs\/uploads\/[^/]+)$/,
  /^\/v2\/(.+)(\/blobs\/uploads)$/,
  /^\/v2\/(.+)(\/(?:blobs|manifests|referrers)\/[^/]+)$/,
  /^\/v2\/(.+)(\/tags\/list)$/,
];

/** The path that is routed in place of the one requested; the query stays as it is. */
export function encodeRepositoryName(url: string): string {
  if (!url.startsWith('/v2/')) return url;
  const query = url.indexOf('?');
  const path = (query === -1 ? url : url.slice(0, query)).replace(/\/+$/, '');
  for (const endpoint of ENDPOINTS) {
    const match = endpoint.exec(path);
    if (match) return `/v2/${encodeURIComponent(match[1] as string)}${match[2]}${query === -1 ? '' : url.slice(query)}`;
  }
  return url;
}
