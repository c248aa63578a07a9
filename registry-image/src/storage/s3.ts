import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { MultipartUpload } from './multipart-upload.ts';
import { type S3Addresses, S3Bucket, type S3Options } from './s3-bucket.ts';
import { probeCapabilities } from './s3-capabilities.ts';
import { createS3Client, createSigner } from './s3-client.ts';
import { type CopyLimits, copyObject } from './s3-copy.ts';
import { AWS, type S3Action, type S3Dialect } from './s3-dialect.ts';
import { S3Multipart } from './s3-multipart.ts';
import type {
  ByteRange,
  ObjectInfo,
  ObjectReader,
  RedirectOptions,
  StorageDriver,
  StorageKey,
  StorageOperation,
  StoragePermissions,
  StorageUpload,
} from './storage-driver.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html: who may not list is told 403 of an object that is not there. */
const PERMISSIONS: Readonly<Record<StorageOperation, readonly S3Action[]>> = {
  open: ['s3:ListBucket'],
  write: ['s3:PutObject'],
  read: ['s3:GetObject'],
  stat: ['s3:GetObject'],
  statMissing: ['s3:ListBucket', 's3:GetObject'],
  list: ['s3:ListBucket'],
  move: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
  delete: ['s3:DeleteObject'],
  upload: ['s3:PutObject', 's3:GetObject', 's3:DeleteObject', 's3:ListBucket'],
  cancel: ['s3:AbortMultipartUpload', 's3:DeleteObject'],
  redirect: ['s3:GetObject'],
};

/** What tests and presets bring along. */
export interface S3Setup {
  /** @default - one for the options */
  readonly client?: S3Client;
  /** Words for the operator. @default - those of AWS */
  readonly dialect?: S3Dialect;
  /** @default - those that the options lead to */
  readonly addresses?: S3Addresses;
}

/**
 * Objects in a bucket of S3 or of a store that speaks its protocol, in the layout of CNCF distribution's driver.
 * Needs s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects.
 */
export class S3Driver implements StorageDriver {
  readonly name: string;
  readonly resource: string;
  readonly permissions: StoragePermissions;
  readonly #bucket: S3Bucket;
  readonly #multipart: S3Multipart;
  readonly #signer: S3Client;
  readonly #chunkBytes: number;
  readonly #copyLimits: CopyLimits;

  private constructor(options: S3Options, client: S3Client, dialect: S3Dialect, addresses?: S3Addresses) {
    this.#bucket = new S3Bucket(options, client, dialect, addresses);
    this.#multipart = new S3Multipart(this.#bucket);
    this.#signer = createSigner(options, client);
    this.#chunkBytes = options.chunksize;
    this.#copyLimits = {
      maxBytes: options.multipartcopythresholdsize,
      partBytes: options.multipartcopychunksize,
      concurrency: options.multipartcopymaxconcurrency,
    };
    this.name = dialect.driver;
    this.resource = `${dialect.driver}://${options.bucket}/${this.#bucket.at('').Key}`;
    this.permissions = permissionsIn(dialect);
  }

  /** @throws Error that says what to do when the bucket cannot be listed, or the store is none that a registry can use */
  static async open(options: S3Options, setup: S3Setup = {}): Promise<S3Driver> {
    const { client = createS3Client(options), dialect = AWS, addresses } = setup;
    const driver = new S3Driver(options, client, dialect, addresses);
    try {
      await driver.#listPage('', { MaxKeys: 1 });
      if (isOfAnotherStore(options, addresses)) await driver.#probe();
    } catch (error) {
      client.destroy();
      throw error;
    }
    return driver;
  }

  async read(key: StorageKey, range?: ByteRange): Promise<ObjectReader> {
    return this.#bucket.read(key, range);
  }

  async write(key: StorageKey, bytes: Uint8Array): Promise<void> {
    const { lastingObject, checksums } = this.#bucket;
    await this.#bucket.call('s3:PutObject', key, (client) =>
      client.send(
        new PutObjectCommand({ ...this.#bucket.at(key), ...lastingObject, ...checksums.parameter, Body: bytes }),
      ),
    );
  }

  async stat(key: StorageKey): Promise<ObjectInfo> {
    const { ContentLength, LastModified } = await this.#bucket.call('s3:GetObject', key, (client) =>
      client.send(new HeadObjectCommand(this.#bucket.at(key))),
    );
    return objectInfo(key, ContentLength, LastModified);
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    let ContinuationToken: string | undefined;
    do {
      const page = await this.#listPage(prefix, { ContinuationToken });
      for (const { Key = '', Size, LastModified } of page.Contents ?? []) {
        // Consoles and synchronisation tools mark folders with such objects; no key of ours is one.
        if (!Key.endsWith('/')) yield objectInfo(this.#bucket.keyOf(Key), Size, LastModified);
      }
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }

  async move(from: StorageKey, to: StorageKey): Promise<void> {
    const { size } = await this.stat(from);
    await copyObject(this.#bucket, from, to, size, this.#copyLimits);
    await this.delete(from);
  }

  async delete(key: StorageKey): Promise<void> {
    await this.#bucket.call('s3:DeleteObject', key, (client) =>
      client.send(new DeleteObjectCommand(this.#bucket.at(key))),
    );
  }

  async openUpload(key: StorageKey): Promise<StorageUpload> {
    return MultipartUpload.open(this.#multipart, key, this.#chunkBytes);
  }

  /** Signed with what the process may do itself; valid for as long as its credentials are, at most. */
  async redirectUrl(key: StorageKey, { method, expiresIn }: RedirectOptions): Promise<URL> {
    const Command = method === 'GET' ? GetObjectCommand : HeadObjectCommand;
    const options = { expiresIn: Math.floor(expiresIn / 1000) };
    return this.#bucket.call('s3:GetObject', key, async () => {
      return new URL(await getSignedUrl(this.#signer, new Command(this.#bucket.signedAt(key)), options));
    });
  }

  async close(): Promise<void> {
    this.#bucket.client.destroy();
    this.#signer.destroy();
  }

  async #probe(): Promise<void> {
    await probeCapabilities({ driver: this, bucket: this.#bucket, multipart: this.#multipart });
  }

  async #listPage(prefix: string, options: { MaxKeys?: number; ContinuationToken?: string | undefined }) {
    const { Bucket, Key } = this.#bucket.at(prefix);
    return this.#bucket.call('s3:ListBucket', prefix, (client) =>
      client.send(new ListObjectsV2Command({ Bucket, Prefix: Key, ...options })),
    );
  }
}

/** Amazon's own needs no trial. */
function isOfAnotherStore({ regionendpoint }: S3Options, addresses: S3Addresses | undefined): boolean {
  const endpoint = addresses?.bucket ?? regionendpoint;
  return endpoint !== undefined && !/\.amazonaws\.com(\.cn)?$/.test(new URL(endpoint).hostname);
}

function permissionsIn(dialect: S3Dialect): StoragePermissions {
  return Object.fromEntries(
    Object.entries(PERMISSIONS).map(([operation, actions]) => [operation, actions.map(dialect.actionOf)]),
  );
}

function objectInfo(key: StorageKey, size = 0, modifiedAt = new Date(0)): ObjectInfo {
  return { key, size, modifiedAt };
}
