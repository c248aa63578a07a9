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
  readonly key: UserDelegationKey;
  readonly fetchedAt: number;
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
  #signingKey: Promise<SigningKey> | undefined;

  constructor(options: AzureOptions, client: AzureClient, container: AzureContainer) {
    this.#options = options;
    this.#client = client;
    this.#container = container;
  }

  /** @param expiresIn milliseconds; an identity signs for seven days at most */
  async sign(key: StorageKey, expiresIn: number): Promise<URL> {
    const url = new URL(this.#container.blob(key).url);
    const { accountname, container, redirectendpoint } = this.#options;
    if (redirectendpoint !== undefined) {
      const { protocol, host } = new URL(redirectendpoint);
      url.protocol = protocol;
      url.host = host;
    }
    const values = {
      containerName: container,
      blobName: this.#container.nameOf(key),
      permissions: BlobSASPermissions.from({ read: true }),
      protocol: url.protocol === 'https:' ? SASProtocol.Https : SASProtocol.HttpsAndHttp,
    };
    const expiresOn = new Date(Date.now() + expiresIn);
    const { sharedKey } = this.#client;
    if (sharedKey !== undefined) {
      url.search = generateBlobSASQueryParameters({ ...values, expiresOn }, sharedKey).toString();
    } else {
      const { key: signingKey } = await this.#currentKey(key, expiresIn);
      const earliest = expiresOn < signingKey.signedExpiresOn ? expiresOn : signingKey.signedExpiresOn;
      const signed = generateBlobSASQueryParameters({ ...values, expiresOn: earliest }, signingKey, accountname);
      url.search = signed.toString();
    }
    return url;
  }

  /** The key of the last hour, if it is valid for long enough; requests that come at once wait for one answer. */
  async #currentKey(key: StorageKey, expiresIn: number): Promise<SigningKey> {
    const current = await this.#signingKey?.catch(() => undefined);
    const now = Date.now();
    const isFresh = current !== undefined && now < current.fetchedAt + KEY_USE_MS;
    // One of seven days is the longest that there is.
    const longest = (current?.fetchedAt ?? 0) + MAX_KEY_VALIDITY_MS;
    if (isFresh && current.key.signedExpiresOn.getTime() >= Math.min(now + expiresIn, longest)) return current;
    this.#signingKey = this.#fetchKey(key, expiresIn);
    return this.#signingKey;
  }

  async #fetchKey(key: StorageKey, expiresIn: number): Promise<SigningKey> {
    const now = Date.now();
    const startsOn = new Date(now - CLOCK_SKEW_MS);
    const expiresOn = new Date(now + Math.min(expiresIn + 2 * KEY_USE_MS, MAX_KEY_VALIDITY_MS));
    const fetched = await this.#container.call(AZURE_PERMISSIONS.signUrls, key, () =>
      this.#client.service.getUserDelegationKey(startsOn, expiresOn),
    );
    return { key: fetched, fetchedAt: now };
  }
}
