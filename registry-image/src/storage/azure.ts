import { type AzureClient, type AzureOptions, type AzureOverrides, createAzureClient } from './azure-client.ts';
import { AzureContainer } from './azure-container.ts';
import { copyBlob } from './azure-copy.ts';
import { AZURE_PERMISSIONS } from './azure-errors.ts';
import { AzureMultipart } from './azure-multipart.ts';
import { AzureSigner } from './azure-signer.ts';
import { MultipartUpload } from './multipart-upload.ts';
import type {
  ByteRange,
  ObjectInfo,
  ObjectReader,
  RedirectOptions,
  StorageDriver,
  StorageKey,
  StoragePermissions,
  StorageUpload,
} from './storage-driver.ts';

const { read, write, delete: remove, signUrls } = AZURE_PERMISSIONS;

/** What an identity needs; the key of an account may do everything. */
const PERMISSIONS: StoragePermissions = {
  open: [read],
  write: [write],
  read: [read],
  stat: [read],
  statMissing: [read],
  list: [read],
  move: [read, write, remove],
  delete: [remove],
  upload: [read, write, remove],
  cancel: [write, remove],
  redirect: [signUrls, read],
};

/**
 * Objects in a container of Azure Blob Storage, as block blobs in the layout of CNCF distribution's driver.
 * An identity needs the role Storage Blob Data Contributor, and Storage Blob Delegator on the account for signed URLs.
 */
export class AzureDriver implements StorageDriver {
  readonly name = 'azure';
  readonly resource: string;
  readonly permissions: StoragePermissions;
  readonly #client: AzureClient;
  readonly #container: AzureContainer;
  readonly #multipart: AzureMultipart;
  readonly #signer: AzureSigner;
  readonly #chunkBytes: number;

  private constructor(options: AzureOptions, client: AzureClient) {
    this.#client = client;
    this.#container = new AzureContainer(options, client);
    this.#multipart = new AzureMultipart(this.#container);
    this.#signer = new AzureSigner(options, client, this.#container);
    this.#chunkBytes = options.chunksize;
    this.resource = `${this.#container.client.url}/${this.#container.nameOf('')}`;
    this.permissions = client.sharedKey === undefined ? PERMISSIONS : {};
  }

  /** @throws Error that says what to do when the container cannot be listed */
  static async open(options: AzureOptions, overrides: AzureOverrides = {}): Promise<AzureDriver> {
    const client = await createAzureClient(options, overrides);
    const driver = new AzureDriver(options, client);
    try {
      await driver.#listPage('', undefined, 1);
    } catch (error) {
      client.close();
      throw error;
    }
    return driver;
  }

  async read(key: StorageKey, range?: ByteRange): Promise<ObjectReader> {
    return this.#container.read(key, range);
  }

  async write(key: StorageKey, bytes: Uint8Array): Promise<void> {
    await this.#container.put(key, bytes);
  }

  async stat(key: StorageKey): Promise<ObjectInfo> {
    const blob = this.#container.blob(key);
    const { contentLength, lastModified } = await this.#container.call(read, key, () => blob.getProperties());
    return objectInfo(key, contentLength, lastModified);
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    let continuationToken: string | undefined;
    do {
      const page = await this.#listPage(prefix, continuationToken);
      for (const { name, properties } of page?.segment.blobItems ?? []) {
        // Tools that synchronise folders mark them with such blobs; no key of ours is one.
        if (name.endsWith('/')) continue;
        yield objectInfo(this.#container.keyOf(name), properties.contentLength, properties.lastModified);
      }
      continuationToken = page?.continuationToken;
    } while (continuationToken !== undefined && continuationToken !== '');
  }

  async move(from: StorageKey, to: StorageKey): Promise<void> {
    await copyBlob(this.#container, from, to);
    await this.delete(from);
  }

  async delete(key: StorageKey): Promise<void> {
    await this.#container.remove(key);
  }

  async openUpload(key: StorageKey): Promise<StorageUpload> {
    return MultipartUpload.open(this.#multipart, key, this.#chunkBytes);
  }

  /** A signature that reads covers GET and HEAD alike. */
  async redirectUrl(key: StorageKey, { expiresIn }: RedirectOptions): Promise<URL> {
    return this.#signer.sign(key, expiresIn);
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  async #listPage(prefix: string, continuationToken: string | undefined, maxPageSize?: number) {
    return this.#container.call(read, prefix, async () => {
      const pages = this.#container.client.listBlobsFlat({ prefix: this.#container.nameOf(prefix) }).byPage({
        ...(continuationToken !== undefined && { continuationToken }),
        ...(maxPageSize !== undefined && { maxPageSize }),
      });
      return (await pages.next()).value;
    });
  }
}

function objectInfo(key: StorageKey, size = 0, modifiedAt = new Date(0)): ObjectInfo {
  return { key, size, modifiedAt };
}
