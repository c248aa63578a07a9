import { Readable } from 'node:stream';
import type { BlobClient, BlockBlobClient, ContainerClient } from '@azure/storage-blob';
import type { AzureClient, AzureOptions } from './azure-client.ts';
import {
  AZURE_PERMISSIONS,
  type AzurePermission,
  explainAzureError,
  isAzureError,
  isMissingBlob,
} from './azure-errors.ts';
import { AzureRetries } from './azure-retries.ts';
import { openResumingReader } from './resuming-reader.ts';
import { type ByteRange, ObjectNotFoundError, type ObjectReader, type StorageKey } from './storage-driver.ts';

/** A container, or the part of it below `rootdirectory`: the names in it, its calls, and what its errors mean. */
export class AzureContainer {
  readonly client: ContainerClient;
  readonly #options: AzureOptions;
  readonly #retries: AzureRetries;
  readonly #idleMs: number;
  readonly #root: string;

  constructor(options: AzureOptions, { service, limits, closed }: AzureClient) {
    this.client = service.getContainerClient(options.container);
    this.#options = options;
    this.#retries = new AzureRetries(options, closed);
    this.#idleMs = limits.idleMs;
    const root = options.rootdirectory.replace(/^\/+|\/+$/g, '');
    this.#root = (options.legacyrootprefix ? '/' : '') + (root === '' ? '' : `${root}/`);
  }

  /** The name of a blob by its key, or of the beginning of names by a prefix. */
  nameOf(key: StorageKey): string {
    return this.#root + key;
  }

  /** The key of a blob by its name. */
  keyOf(name: string): StorageKey {
    return name.slice(this.#root.length);
  }

  blob(key: StorageKey): BlobClient {
    return this.client.getBlobClient(this.nameOf(key));
  }

  blocks(key: StorageKey): BlockBlobClient {
    return this.client.getBlockBlobClient(this.nameOf(key));
  }

  /** Opens a blob, or a part of it; nothing when the part starts behind the end. @throws ObjectNotFoundError */
  read(key: StorageKey, range?: ByteRange): Promise<ObjectReader> {
    return openResumingReader(({ start, end }) => this.#openRange(key, start, end), range, this.#idleMs);
  }

  /** Puts a whole blob, in one step. */
  async put(key: StorageKey, bytes: Uint8Array): Promise<void> {
    // The SDK knows Node's buffers only.
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    await this.replace(key, () => this.blocks(key).upload(body, body.byteLength));
  }

  /**
   * Writes a blob. Older versions of distribution have left append blobs, which nothing but another append blob replaces: those
   * are deleted first.
   */
  async replace<T>(key: StorageKey, send: () => Promise<T>): Promise<T> {
    try {
      return await this.call(AZURE_PERMISSIONS.write, key, send);
    } catch (error) {
      if (!isAzureError(error, 'InvalidBlobType')) throw error;
      await this.remove(key);
      return this.call(AZURE_PERMISSIONS.write, key, send);
    }
  }

  /** Removes a blob; one that does not exist is no error. */
  async remove(key: StorageKey): Promise<void> {
    await orNothing(() => this.call(AZURE_PERMISSIONS.delete, key, () => this.blob(key).delete()));
  }

  /**
   * Calls Azure about a key, again where that may help.
   *
   * @param permission what the call needs, named when Azure refuses it
   * @throws ObjectNotFoundError
   */
  async call<T>(permission: AzurePermission, key: StorageKey, send: () => Promise<T>): Promise<T> {
    try {
      return await this.#retries.run(send);
    } catch (error) {
      if (isMissingBlob(error)) throw new ObjectNotFoundError(key, { cause: error });
      const { accountname, container, credentials, serviceurl } = this.#options;
      throw explainAzureError(error, {
        permission,
        account: accountname,
        container,
        host: new URL(serviceurl).host,
        credentials: credentials.type,
      });
    }
  }

  async #openRange(key: StorageKey, start: number, end?: number): Promise<Readable> {
    const count = end === undefined ? undefined : end - start + 1;
    try {
      return await this.call(AZURE_PERMISSIONS.read, key, async () => {
        const { readableStreamBody } = await this.blob(key).download(start, count, { maxRetryRequests: 0 });
        return readableStreamBody as Readable;
      });
    } catch (error) {
      if (isAzureError(error, 'InvalidRange')) return Readable.from([], { objectMode: false });
      throw error;
    }
  }
}

/** What a call gives, or `undefined` when there is no object at its key. */
export async function orNothing<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}
