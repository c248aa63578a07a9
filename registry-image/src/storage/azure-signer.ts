import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  type UserDelegationKey,
} from '@azure/storage-blob';
import type { AzureClient, AzureOptions } from './azure-client.ts';
import type { AzureContainer } from './azure-container.ts';
import { AZURE_PERMISSIONS } from './azure-errors.ts';
import type { StorageKey } from './storage-driver.ts';

/** How long a key that signs is used, in milliseconds. Taking rights from the identity ends no URL that it has signed. */
const KEY_USE_MS = 60 * 60_000;

/** The longest that Azure lets such a key be valid for: https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key */
const MAX_KEY_VALIDITY_MS = 7 * 24 * 60 * 60_000;

/** Clocks that are behind ours see the key as valid all the same. */
const CLOCK_SKEW_MS = 15 * 60_000;

interface SigningKey {
  readonly key: Promise<UserDelegationKey>;
  /** Milliseconds since 1970, as the next one. */
  readonly askedAt: number;
  readonly expiresAt: number;
}

/**
 * Signs URLs that read one blob: with the key of the account, or for an identity with a key that Azure gives it to sign with, which
 * needs a permission of its own.
 * https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
 */
export class AzureSigner {
  readonly #options: AzureOptions;
  readonly #client: AzureClient;
  readonly #container: AzureContainer;
  #signingKey: SigningKey | undefined;

  constructor(options: AzureOptions, client: AzureClient, container: AzureContainer) {
    this.#options = options;
    this.#client = client;
    this.#container = container;
  }

  /** @param expiresIn milliseconds; an identity signs for seven days at most */
  async sign(key: StorageKey, expiresIn: number): Promise<URL> {
    const { accountname, container, redirectendpoint } = this.#options;
    const { origin, pathname } = new URL(this.#container.blob(key).url);
    const url = new URL(pathname, redirectendpoint ?? origin);
    const values = {
      containerName: container,
      blobName: this.#container.nameOf(key),
      permissions: BlobSASPermissions.from({ read: true }),
      protocol: url.protocol === 'https:' ? SASProtocol.Https : SASProtocol.HttpsAndHttp,
    };
    const expiresAt = Date.now() + expiresIn;
    const { sharedKey } = this.#client;
    if (sharedKey !== undefined) {
      const signed = generateBlobSASQueryParameters({ ...values, expiresOn: new Date(expiresAt) }, sharedKey);
      url.search = signed.toString();
    } else {
      const signingKey = this.#currentKey(key, expiresIn);
      const expiresOn = new Date(Math.min(expiresAt, signingKey.expiresAt));
      const signed = generateBlobSASQueryParameters({ ...values, expiresOn }, await signingKey.key, accountname);
      url.search = signed.toString();
    }
    return url;
  }

  /** The key of the last hour, if it is valid for long enough; URLs that are asked for at once wait for one answer. */
  #currentKey(key: StorageKey, expiresIn: number): SigningKey {
    const now = Date.now();
    const current = this.#signingKey;
    if (current !== undefined && now < current.askedAt + KEY_USE_MS) {
      // One of seven days is the longest that there is.
      const needed = Math.min(now + expiresIn, current.askedAt + MAX_KEY_VALIDITY_MS);
      if (current.expiresAt >= needed) return current;
    }
    const expiresAt = now + Math.min(expiresIn + 2 * KEY_USE_MS, MAX_KEY_VALIDITY_MS);
    const signingKey = { key: this.#fetchKey(key, now, expiresAt), askedAt: now, expiresAt };
    this.#signingKey = signingKey;
    signingKey.key.catch(() => {
      if (this.#signingKey === signingKey) this.#signingKey = undefined;
    });
    return signingKey;
  }

  #fetchKey(key: StorageKey, now: number, expiresAt: number): Promise<UserDelegationKey> {
    return this.#container.call(AZURE_PERMISSIONS.signUrls, key, () =>
      this.#client.service.getUserDelegationKey(new Date(now - CLOCK_SKEW_MS), new Date(expiresAt)),
    );
  }
}
