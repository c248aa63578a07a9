import { createHash } from 'node:crypto';
import { encodePath, percentEncode } from './gcs-bucket.ts';
import type { GcsIdentity } from './gcs-identity.ts';

const ALGORITHM = 'GOOG4-RSA-SHA256';

/** https://cloud.google.com/storage/docs/access-control/signed-urls: seven days. */
const MAX_EXPIRY_SECONDS = 604_800;

export interface UrlToSign {
  readonly method: 'GET' | 'HEAD';
  /** Scheme and host that the URL names; the signature is good for this host only. */
  readonly endpoint: URL;
  readonly bucket: string;
  /** Name of the object in the bucket. */
  readonly name: string;
  /** Milliseconds. */
  readonly expiresIn: number;
}

/**
 * A URL that reads an object without further credentials, signed with version 4:
 * https://cloud.google.com/storage/docs/access-control/signing-urls-manually
 */
export async function signUrl(identity: GcsIdentity, url: UrlToSign, now = new Date()): Promise<URL> {
  const { method, endpoint, expiresIn } = url;
  const time = `${now.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
  const scope = `${time.slice(0, 8)}/auto/storage/goog4_request`;
  const path = pathOf(url);
  const query = Object.entries({
    'X-Goog-Algorithm': ALGORITHM,
    'X-Goog-Credential': `${await identity.email()}/${scope}`,
    'X-Goog-Date': time,
    'X-Goog-Expires': String(Math.min(Math.max(Math.floor(expiresIn / 1000), 1), MAX_EXPIRY_SECONDS)),
    'X-Goog-SignedHeaders': 'host',
  })
    .map(([name, value]) => `${name}=${percentEncode(value)}`)
    .join('&');
  const request = [method, path, query, `host:${endpoint.hostname}\n`, 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const digest = createHash('sha256').update(request).digest('hex');
  const signature = await identity.sign([ALGORITHM, time, scope, digest].join('\n'));
  return new URL(`${path}?${query}&X-Goog-Signature=${signature.toString('hex')}`, endpoint);
}

/**
 * A host that names the bucket, as `<bucket>.storage.googleapis.com` or as a CNAME that is called like the bucket, has the objects at
 * its root; every other one has the bucket first. https://cloud.google.com/storage/docs/request-endpoints
 */
function pathOf({ endpoint: { hostname }, bucket, name }: UrlToSign): string {
  const namesBucket = hostname === bucket || hostname.startsWith(`${bucket}.`);
  return namesBucket ? `/${encodePath(name)}` : `/${bucket}/${encodePath(name)}`;
}
