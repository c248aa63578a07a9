import { buffer } from 'node:stream/consumers';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { MultipartBackend, SentPart } from './multipart-backend.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { completedPart } from './s3-checksum.ts';
import { isS3Error } from './s3-errors.ts';
import { ObjectNotFoundError, type StorageKey } from './storage-driver.ts';

/** Multipart uploads of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html */
export class S3Multipart implements MultipartBackend {
  /** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
  readonly limits = { minBytes: 5 * 1024 ** 2, maxBytes: 5 * 1024 ** 3, maxParts: 10_000 };
  readonly #bucket: S3Bucket;

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
  }

  async begin(key: StorageKey): Promise<string> {
    const { UploadId = '' } = await this.#bucket.call('s3:PutObject', key, (client) =>
      client.send(
        new CreateMultipartUploadCommand({
          ...this.#bucket.at(key),
          ...this.#bucket.newObject,
          ...this.#bucket.checksums.parameter,
        }),
      ),
    );
    return UploadId;
  }

  async sendPart(key: StorageKey, UploadId: string, PartNumber: number, Body: Uint8Array): Promise<string> {
    const { checksums } = this.#bucket;
    const part = await this.#bucket.call('s3:PutObject', key, (client) =>
      client.send(
        new UploadPartCommand({ ...this.#bucket.at(key), ...checksums.parameter, UploadId, PartNumber, Body }),
      ),
    );
    return checksums.tagOf(part);
  }

  async complete(key: StorageKey, UploadId: string, parts: readonly SentPart[]): Promise<void> {
    const Parts = parts.map(({ etag }, index) => completedPart(etag, index + 1));
    try {
      await this.#bucket.call('s3:PutObject', key, (client) =>
        client.send(
          new CompleteMultipartUploadCommand({ ...this.#bucket.at(key), UploadId, MultipartUpload: { Parts } }),
        ),
      );
    } catch (error) {
      // S3 forgets an upload that it has completed: when its answer was lost, all there is to see is the object.
      const size = parts.reduce((sum, part) => sum + part.size, 0);
      if (!isS3Error(error, 'NoSuchUpload') || (await this.sizeOf(key)) !== size) throw error;
    }
  }

  async abort(key: StorageKey, UploadId: string): Promise<void> {
    try {
      await this.#bucket.call('s3:AbortMultipartUpload', key, (client) =>
        client.send(new AbortMultipartUploadCommand({ ...this.#bucket.at(key), UploadId })),
      );
    } catch (error) {
      if (!isS3Error(error, 'NoSuchUpload')) throw error;
    }
  }

  async put(key: StorageKey, Body: Uint8Array): Promise<void> {
    await this.#bucket.call('s3:PutObject', key, (client) =>
      client.send(
        new PutObjectCommand({
          ...this.#bucket.at(key),
          ...this.#bucket.newObject,
          ...this.#bucket.checksums.parameter,
          Body,
        }),
      ),
    );
  }

  async get(key: StorageKey): Promise<Buffer | undefined> {
    return orNothing(async () => buffer(await this.#bucket.read(key)));
  }

  async sizeOf(key: StorageKey): Promise<number | undefined> {
    return orNothing(async () => {
      const { ContentLength } = await this.#bucket.call('s3:GetObject', key, (client) =>
        client.send(new HeadObjectCommand(this.#bucket.at(key))),
      );
      return ContentLength;
    });
  }

  async remove(key: StorageKey): Promise<void> {
    await this.#bucket.call('s3:DeleteObject', key, (client) =>
      client.send(new DeleteObjectCommand(this.#bucket.at(key))),
    );
  }
}

async function orNothing<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}
