import { Readable } from 'node:stream';
import type { GcsOptions } from '../config/gcs-schema.ts';
import { GcsBucket } from './gcs-bucket.ts';
import { GCS_TIME_LIMITS, type GcsTimeLimits } from './gcs-http.ts';
import { type GcsIdentity, openIdentity } from './gcs-identity.ts';
import { GcsMultipart } from './gcs-multipart.ts';
import { GcsUrlSigner } from './gcs-signed-url.ts';
import { MultipartUpload } from './multipart-upload.ts';
import { openResumingReader } from './resuming-reader.ts';
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

/**
 * https://cloud.google.com/storage/docs/access-control/iam-json and iam-xml. Who may not list is told 403 of an object that is not
 * there; replacing an object needs the right to delete it.
 */
const PERMISSIONS = {
  open: ['storage.objects.list'],
  write: ['storage.objects.create', 'storage.objects.delete'],
  read: ['storage.objects.get'],
  stat: ['storage.objects.get'],
  statMissing: ['storage.objects.list', 'storage.objects.get'],
  list: ['storage.objects.list'],
  move: ['storage.objects.get', 'storage.objects.create', 'storage.objects.delete'],
  delete: ['storage.objects.delete'],
  upload: [
    'storage.multipartUploads.create',
    'storage.objects.create',
    'storage.objects.delete',
    'storage.objects.get',
    'storage.objects.list',
  ],
  cancel: ['storage.multipartUploads.abort', 'storage.objects.delete', 'storage.objects.list'],
  redirect: ['storage.objects.get'],
} as const;

/** A machine without a key has Google sign for it. */
const PERMISSIONS_WITHOUT_KEY = {
  ...PERMISSIONS,
  redirect: [...PERMISSIONS.redirect, 'iam.serviceAccounts.signBlob'],
} as const;

interface ListPage {
  readonly items?: readonly { readonly name: string; readonly size: string; readonly updated: string }[];
  readonly nextPageToken?: string;
}

/**
 * Objects in a bucket of Google Cloud Storage, in the layout of CNCF distribution's driver. The rights that it needs are those of
 * roles/storage.objectUser on the bucket, and to sign URLs roles/iam.serviceAccountTokenCreator of the account on itself.
 */
export class GcsDriver implements StorageDriver {
  readonly name = 'gcs';
  readonly resource: string;
  readonly permissions: StoragePermissions;
  readonly #bucket: GcsBucket;
  readonly #multipart: GcsMultipart;
  readonly #chunkBytes: number;
  readonly #signer: GcsUrlSigner;
  readonly #limits: GcsTimeLimits;

  private constructor(options: GcsOptions, identity: GcsIdentity, limits: GcsTimeLimits) {
    this.#bucket = new GcsBucket(options, identity, limits);
    this.resource = `gs://${options.bucket}/${this.#bucket.root}`;
    this.permissions = identity.hasKey ? PERMISSIONS : PERMISSIONS_WITHOUT_KEY;
    this.#multipart = new GcsMultipart(this.#bucket);
    this.#chunkBytes = options.chunksize;
    this.#signer = new GcsUrlSigner(identity, new URL(options.redirectendpoint ?? options.endpoint), options.bucket);
    this.#limits = limits;
  }

  /** @throws Error that says what to do when the bucket cannot be listed */
  static async open(
    options: GcsOptions,
    identity?: GcsIdentity,
    limits: GcsTimeLimits = GCS_TIME_LIMITS,
  ): Promise<GcsDriver> {
    const driver = new GcsDriver(options, identity ?? (await openIdentity(options)), limits);
    try {
      await driver.#listPage('', { maxResults: '1' });
    } catch (error) {
      await driver.close();
      throw error;
    }
    return driver;
  }

  async read(key: StorageKey, range?: ByteRange): Promise<ObjectReader> {
    return openResumingReader(({ start, end }) => this.#openRange(key, start, end), range, this.#limits.idleMs);
  }

  async write(key: StorageKey, bytes: Uint8Array): Promise<void> {
    await this.#bucket.put(key, bytes);
  }

  async stat(key: StorageKey): Promise<ObjectInfo> {
    const { size, updated } = await this.#bucket.stat(key);
    return { key, size, modifiedAt: updated };
  }

  /** https://cloud.google.com/storage/docs/json_api/v1/objects/list */
  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    let pageToken: string | undefined;
    do {
      const page = await this.#listPage(prefix, pageToken === undefined ? {} : { pageToken });
      for (const { name, size, updated } of page.items ?? []) {
        // Consoles and synchronisation tools mark folders with such objects; no key of ours is one.
        if (name.endsWith('/')) continue;
        yield { key: name.slice(this.#bucket.root.length), size: Number(size), modifiedAt: new Date(updated) };
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
  }

  async move(from: StorageKey, to: StorageKey): Promise<void> {
    await this.#copy(from, to);
    await this.#bucket.delete(from);
  }

  async delete(key: StorageKey): Promise<void> {
    await this.#bucket.delete(key);
  }

  async openUpload(key: StorageKey): Promise<StorageUpload> {
    return MultipartUpload.open(this.#multipart, key, this.#chunkBytes);
  }

  async redirectUrl(key: StorageKey, options: RedirectOptions): Promise<URL> {
    return this.#signer.sign(this.#bucket.root + key, options);
  }

  async close(): Promise<void> {
    this.#bucket.close();
  }

  /** https://cloud.google.com/storage/docs/xml-api/get-object-download */
  async #openRange(key: StorageKey, start: number, end: number | undefined): Promise<Readable> {
    const answer = await this.#bucket.open({
      permission: 'storage.objects.get',
      key,
      method: 'GET',
      url: this.#bucket.objectUrl(key),
      ...((start > 0 || end !== undefined) && { headers: { range: `bytes=${start}-${end ?? ''}` } }),
    });
    return answer ?? Readable.from([], { objectMode: false });
  }

  /**
   * Without the bytes passing through here; a large object takes several calls.
   * https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite
   */
  async #copy(from: StorageKey, to: StorageKey): Promise<void> {
    let rewriteToken: string | undefined;
    do {
      const url = this.#bucket.metadataUrl(from, this.#bucket.rewriteTo(to));
      url.searchParams.set('fields', 'done,rewriteToken');
      if (rewriteToken !== undefined) url.searchParams.set('rewriteToken', rewriteToken);
      const { body } = await this.#bucket.send({
        permission: 'storage.objects.create',
        key: from,
        method: 'POST',
        url,
      });
      const answer = JSON.parse(body.toString()) as { readonly done: boolean; readonly rewriteToken?: string };
      if (answer.done) return;
      rewriteToken = answer.rewriteToken;
    } while (rewriteToken !== undefined);
    throw new Error(`Cloud Storage copied a part of ${from} and did not say how to go on`);
  }

  async #listPage(prefix: string, parameters: Readonly<Record<string, string>>): Promise<ListPage> {
    const fields = 'items(name,size,updated),nextPageToken';
    const url = this.#bucket.listUrl({ prefix: this.#bucket.root + prefix, fields, ...parameters });
    const { body } = await this.#bucket.send({ permission: 'storage.objects.list', key: prefix, method: 'GET', url });
    return JSON.parse(body.toString()) as ListPage;
  }
}
