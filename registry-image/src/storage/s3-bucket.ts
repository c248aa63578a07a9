import { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Config } from '../config/schema.ts';
import { type OpenRange, openResumingReader } from './resuming-reader.ts';
import { explainS3Error, isMissingObject, isS3Error } from './s3-errors.ts';
import { type ByteRange, ObjectNotFoundError, type ObjectReader, type StorageKey } from './storage-driver.ts';

export type S3Options = NonNullable<Config['storage']['s3']>;

/** IAM actions that the driver needs: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html */
export type S3Action =
  | 's3:AbortMultipartUpload'
  | 's3:DeleteObject'
  | 's3:GetObject'
  | 's3:ListBucket'
  | 's3:PutObject';

/** A bucket, or the part of it below `rootdirectory`: the names in it, how new objects are stored, and what its errors mean. */
export class S3Bucket {
  readonly client: S3Client;
  readonly name: string;
  /** Parameters of every new object. */
  readonly encryption: { readonly ServerSideEncryption?: 'AES256' | 'aws:kms'; readonly SSEKMSKeyId?: string };
  /** Parameter of new objects that are there to stay; uploads in progress are kept in STANDARD, which has no minimal duration. */
  readonly storageClass: { readonly StorageClass?: S3Options['storageclass'] };
  readonly #root: string;
  readonly #region: string;

  constructor(options: S3Options, client: S3Client) {
    this.client = client;
    this.name = options.bucket;
    this.#region = options.region;
    const root = options.rootdirectory.replace(/^\/+|\/+$/g, '');
    this.#root = root === '' ? '' : `${root}/`;
    const { encrypt, keyid, storageclass } = options;
    this.encryption = {
      ...(encrypt && { ServerSideEncryption: keyid === undefined ? 'AES256' : 'aws:kms' }),
      ...(encrypt && keyid !== undefined && { SSEKMSKeyId: keyid }),
    };
    // Left out for S3-compatible stores that refuse to be told of any class.
    this.storageClass = storageclass === 'STANDARD' ? {} : { StorageClass: storageclass };
  }

  /** Parameters that name an object. */
  at(key: StorageKey): { Bucket: string; Key: string } {
    return { Bucket: this.name, Key: this.#root + key };
  }

  /** The key of an object by its name in the bucket. */
  keyOf(name: string): StorageKey {
    return name.slice(this.#root.length);
  }

  /** `CopySource` of an object: its bucket and name, percent-encoded. */
  copySource(key: StorageKey): string {
    return [this.name, ...(this.#root + key).split('/')].map(encodeURIComponent).join('/');
  }

  /**
   * Calls S3 about a key.
   *
   * @param action the permission that the call needs, named when S3 refuses it
   * @throws ObjectNotFoundError
   */
  async call<T>(action: S3Action, key: StorageKey, send: (client: S3Client) => Promise<T>): Promise<T> {
    try {
      return await send(this.client);
    } catch (error) {
      if (isMissingObject(error)) throw new ObjectNotFoundError(key, { cause: error });
      const kmsKey = this.encryption.SSEKMSKeyId;
      throw explainS3Error(error, { action, bucket: this.name, region: this.#region, kmsKey });
    }
  }

  /** @throws ObjectNotFoundError */
  read(key: StorageKey, range?: ByteRange): Promise<ObjectReader> {
    return openResumingReader((part) => this.#openRange(key, part), range);
  }

  async #openRange(key: StorageKey, { start, end }: Parameters<OpenRange>[0]): Promise<Readable> {
    const Range = start === 0 && end === undefined ? undefined : `bytes=${start}-${end ?? ''}`;
    try {
      return await this.call('s3:GetObject', key, async (client) => {
        const { Body } = await client.send(new GetObjectCommand({ ...this.at(key), Range }));
        return Body as Readable;
      });
    } catch (error) {
      if (isS3Error(error, 'InvalidRange')) return Readable.from([], { objectMode: false });
      throw error;
    }
  }
}
