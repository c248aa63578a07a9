import { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Config } from '../config/schema.ts';
import { type OpenRange, openResumingReader } from './resuming-reader.ts';
import { S3Checksums } from './s3-checksum.ts';
import type { S3Action, S3Dialect } from './s3-dialect.ts';
import { explainS3Error, isMissingObject, isS3Error } from './s3-errors.ts';
import { bytesOfRange } from './s3-range.ts';
import { type ByteRange, ObjectNotFoundError, type ObjectReader, type StorageKey } from './storage-driver.ts';

export type S3Options = NonNullable<Config['storage']['s3']>;

/** Parameters of a new object. */
interface NewObject {
  readonly ServerSideEncryption?: 'AES256' | 'aws:kms';
  readonly SSEKMSKeyId?: string;
  readonly ACL?: S3Options['objectacl'];
}

/** URLs that are the bucket itself, its name being in their hosts or known there: for a client with `bucketEndpoint`. */
export interface S3Addresses {
  readonly bucket: string;
  /** In signed URLs. */
  readonly signed: string;
}

/** A bucket, or the part of it below `rootdirectory`: the names in it, how new objects are stored, and what its errors mean. */
export class S3Bucket {
  readonly client: S3Client;
  readonly dialect: S3Dialect;
  readonly name: string;
  readonly checksums: S3Checksums;
  readonly newObject: NewObject;
  /** Of new objects that are there to stay; uploads in progress are kept in STANDARD, which has no minimal duration. */
  readonly lastingObject: NewObject & { readonly StorageClass?: S3Options['storageclass'] };
  readonly #addresses: S3Addresses | undefined;
  readonly #root: string;
  readonly #region: string;

  constructor(options: S3Options, client: S3Client, dialect: S3Dialect, addresses?: S3Addresses) {
    this.client = client;
    this.dialect = dialect;
    this.name = options.bucket;
    this.#addresses = addresses;
    this.checksums = new S3Checksums(options);
    this.#region = options.region;
    const root = options.rootdirectory.replace(/^\/+|\/+$/g, '');
    this.#root = root === '' ? '' : `${root}/`;
    const { encrypt, keyid, objectacl, storageclass } = options;
    this.newObject = {
      ...(encrypt && { ServerSideEncryption: keyid === undefined ? 'AES256' : 'aws:kms' }),
      ...(encrypt && keyid !== undefined && { SSEKMSKeyId: keyid }),
      // What objects without one have anyway; buckets without ACLs refuse to be told of one.
      ...(objectacl !== 'private' && { ACL: objectacl }),
    };
    // Left out for S3-compatible stores that refuse to be told of any class.
    this.lastingObject = { ...this.newObject, ...(storageclass !== 'STANDARD' && { StorageClass: storageclass }) };
  }

  /** Parameters that name an object. */
  at(key: StorageKey): { Bucket: string; Key: string } {
    return { Bucket: this.#addresses?.bucket ?? this.name, Key: this.#root + key };
  }

  /** The same in a signed URL. */
  signedAt(key: StorageKey): { Bucket: string; Key: string } {
    return { Bucket: this.#addresses?.signed ?? this.name, Key: this.#root + key };
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
      const kmsKey = this.newObject.SSEKMSKeyId;
      throw explainS3Error(error, { action, bucket: this.name, region: this.#region, kmsKey }, this.dialect);
    }
  }

  /** @throws ObjectNotFoundError */
  read(key: StorageKey, range?: ByteRange): Promise<ObjectReader> {
    return openResumingReader((part) => this.#openRange(key, part), range);
  }

  async #openRange(key: StorageKey, { start, end }: Parameters<OpenRange>[0]): Promise<Readable> {
    const Range = start === 0 && end === undefined ? undefined : `bytes=${start}-${end ?? ''}`;
    try {
      const answer = await this.call('s3:GetObject', key, (client) =>
        client.send(new GetObjectCommand({ ...this.at(key), Range })),
      );
      return bytesOfRange(answer, start, end);
    } catch (error) {
      if (isS3Error(error, 'InvalidRange')) return Readable.from([], { objectMode: false });
      throw error;
    }
  }
}
