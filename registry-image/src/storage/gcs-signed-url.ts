import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { encodePath, percentEncode } from './gcs-bucket.ts';
import type { GcsIdentity } from './gcs-identity.ts';
import type { RedirectOptions } from './storage-driver.ts';

const ALGORITHM = 'GOOG4-RSA-SHA256';

/** https://cloud.google.com/storage/docs/access-control/signed-urls: seven days. */
const MAX_EXPIRY_SECONDS = 604_800;

/** About a kilobyte each. */
const MAX_KEPT = 5000;

/**
 * URLs that read an object without further credentials, signed with version 4:
 * https://cloud.google.com/storage/docs/access-control/signing-urls-manually
 *
 * One that was signed is handed out for the first half of its time: where Google signs, a signature is a call across the network,
 * and many machines pull the same layers at once.
 */
export class GcsUrlSigner {
  readonly #identity: GcsIdentity;
  readonly #endpoint: URL;
  readonly #bucket: string;
  readonly #kept = new LRUCache<string, Promise<URL>>({ max: MAX_KEPT });

  /** @param endpoint scheme and host that the URLs name; the signatures are good for this host only */
  constructor(identity: GcsIdentity, endpoint: URL, bucket: string) {
    this.#identity = identity;
    this.#endpoint = endpoint;
    this.#bucket = bucket;
  }

  /** @param name of the object in the bucket */
  async sign(name: string, { method, expiresIn }: RedirectOptions): Promise<URL> {
    const seconds = Math.min(Math.max(Math.floor(expiresIn / 1000), 1), MAX_EXPIRY_SECONDS);
    const key = `${method} ${seconds} ${name}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const signing = this.#sign(name, method, seconds, new Date());
    this.#kept.set(key, signing, { ttl: seconds * 500 });
    signing.catch(() => this.#kept.delete(key));
    return signing;
  }

  async #sign(name: string, method: 'GET' | 'HEAD', seconds: number, now: Date): Promise<URL> {
    const time = `${now.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
    const scope = `${time.slice(0, 8)}/auto/storage/goog4_request`;
    const path = this.#pathOf(name);
    const query = Object.entries({
      'X-Goog-Algorithm': ALGORITHM,
      'X-Goog-Credential': `${await this.#identity.email()}/${scope}`,
      'X-Goog-Date': time,
      'X-Goog-Expires': String(seconds),
      'X-Goog-SignedHeaders': 'host',
    })
      .map(([parameter, value]) => `${parameter}=${percentEncode(value)}`)
      .join('&');
    const request = [method, path, query, `host:${this.#endpoint.hostname}\n`, 'host', 'UNSIGNED-PAYLOAD'].join('\n');
    const digest = createHash('sha256').update(request).digest('hex');
    const signature = await this.#identity.sign([ALGORITHM, time, scope, digest].join('\n'));
    return new URL(`${path}?${query}&X-Goog-Signature=${signature.toString('hex')}`, this.#endpoint);
  }

  /**
   * A host that names the bucket, as `<bucket>.storage.googleapis.com` or as a CNAME that is called like the bucket, has the objects
   * at its root; every other one has the bucket first. https://cloud.google.com/storage/docs/request-endpoints
   */
  #pathOf(name: string): string {
    const { hostname } = this.#endpoint;
    const namesBucket = hostname === this.#bucket || hostname.startsWith(`${this.#bucket}.`);
    return namesBucket ? `/${encodePath(name)}` : `/${this.#bucket}/${encodePath(name)}`;
  }
}
