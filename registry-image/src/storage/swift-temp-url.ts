import { createHmac, randomBytes } from 'node:crypto';
import type { RedirectOptions, StorageKey } from './storage-driver.ts';
import type { SwiftCapabilities } from './swift-capabilities.ts';
import type { SwiftContainer } from './swift-container.ts';
import type { SwiftOptions } from './swift-options.ts';

/** How a signature is made and written, the preferred ones first: https://docs.openstack.org/swift/latest/middleware.html#tempurl */
const DIGESTS = {
  sha256: (hmac: Buffer) => hmac.toString('hex'),
  sha512: (hmac: Buffer) => `sha512:${hmac.toString('base64url')}`,
  sha1: (hmac: Buffer) => hmac.toString('hex'),
} as const;

/** How long a key is taken for good. Another process, or the operator, may have replaced it: URLs are refused for so long, then mend. */
const KEY_LIFETIME_MS = 60_000;

interface Key {
  readonly secret: string;
  readonly readAt: number;
}

/** URLs that read an object without a token, until a time. */
export class SwiftTempUrl {
  readonly #options: SwiftOptions;
  readonly #container: SwiftContainer;
  readonly #methods: readonly string[];
  readonly #digest: keyof typeof DIGESTS | undefined;
  readonly #scope: 'container' | 'account';
  #key: Promise<Key> | undefined;

  constructor(options: SwiftOptions, container: SwiftContainer, { tempUrl }: SwiftCapabilities) {
    this.#options = options;
    this.#container = container;
    // Where Swift does not say what it can, it is what all of them can, or what the configuration says.
    const digests = tempUrl?.digests ?? ['sha256'];
    this.#digest = (Object.keys(DIGESTS) as (keyof typeof DIGESTS)[]).find((digest) => digests.includes(digest));
    this.#methods = options.tempurlmethods ?? tempUrl?.methods ?? [];
    this.#scope = (options.tempurlcontainerkey ?? tempUrl?.containerKeys ?? false) ? 'container' : 'account';
  }

  /** Whether Swift takes signed URLs at all. */
  get isOffered(): boolean {
    return this.#digest !== undefined && this.#methods.includes('GET');
  }

  /** @throws Error that says what to do when there is no key, and none can be set */
  async sign(key: StorageKey, { method, expiresIn }: RedirectOptions): Promise<URL> {
    const { redirectendpoint, accesskey, tenantid = '' } = this.#options;
    const [secret, account] = await Promise.all([this.#secret(), this.#container.account()]);
    const url = new URL(`${account.url}/${this.#container.encodedPath(this.#container.nameOf(key))}`);
    const expires = Math.floor((Date.now() + expiresIn) / 1000);
    // One that is signed for GET is good for HEAD too.
    const signed = this.#methods.includes(method) ? method : 'GET';
    const digest = this.#digest ?? 'sha256';
    const hmac = createHmac(digest, secret).update(`${signed}\n${expires}\n${decodeURIComponent(url.pathname)}`);
    const signature = DIGESTS[digest](hmac.digest());
    url.searchParams.set('temp_url_sig', accesskey === undefined ? signature : `${tenantid}:${accesskey}:${signature}`);
    url.searchParams.set('temp_url_expires', String(expires));
    return redirectendpoint === undefined ? url : new URL(url.pathname + url.search, redirectendpoint);
  }

  async #secret(): Promise<string> {
    const current = await this.#key?.catch(() => undefined);
    if (current === undefined || Date.now() > current.readAt + KEY_LIFETIME_MS) this.#key = this.#agreeOnKey();
    return ((await this.#key) as Key).secret;
  }

  /** The key that Swift has; one is set when it has none, or not the one of the configuration. */
  async #agreeOnKey(): Promise<Key> {
    const known = await this.#readKeys();
    const wanted = this.#options.secretkey ?? known.find((secret) => secret !== undefined);
    if (wanted !== undefined && known.includes(wanted)) return { secret: wanted, readAt: Date.now() };
    const free = known.indexOf(undefined);
    if (free === -1) {
      throw new Error(
        `the ${this.#scope} has two keys for signed URLs, and neither is storage.swift.secretkey; remove one of them (X-${this.#header(0)}), or the option`,
      );
    }
    const secret = wanted ?? randomBytes(32).toString('hex');
    await this.#container.request(`POST ${this.#scope}`, '', { headers: { [`x-${this.#header(free)}`]: secret } });
    // Two processes that start together may both have set one: the later one is what both go by.
    const [first, second] = await this.#readKeys();
    return { secret: this.#options.secretkey ?? first ?? second ?? secret, readAt: Date.now() };
  }

  async #readKeys(): Promise<[string | undefined, string | undefined]> {
    const { headers } = await this.#container.request(`HEAD ${this.#scope}`, '');
    const keyAt = (index: number) => headers[`x-${this.#header(index)}`.toLowerCase()] as string | undefined;
    return [keyAt(0) || undefined, keyAt(1) || undefined];
  }

  #header(index: number): string {
    const scope = this.#scope === 'container' ? 'Container' : 'Account';
    return `${scope}-Meta-Temp-URL-Key${index === 0 ? '' : '-2'}`;
  }
}
