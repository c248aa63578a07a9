import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { S3Bucket } from './s3-bucket.ts';
import type { SentPart } from './s3-multipart.ts';
import { ObjectNotFoundError, type StorageKey } from './storage-driver.ts';

/** What another process needs to go on with an upload. */
export interface UploadState {
  /** Left out until the first part is sent. */
  readonly uploadId: string | undefined;
  /** In order; part numbers count from 1. */
  readonly parts: readonly SentPart[];
  /** Bytes behind the last part, too few to be one. */
  readonly tail: Buffer;
}

interface StateHeader {
  readonly uploadId?: string;
  readonly parts: readonly SentPart[];
}

/**
 * Keeps the state of an upload in one object beside it, so that it changes as a whole: a line of JSON, then the tail.
 * Not all S3-compatible stores list multipart uploads, so the id has to be kept somewhere.
 */
export class UploadStateStore {
  readonly #bucket: S3Bucket;
  readonly #key: StorageKey;

  constructor(bucket: S3Bucket, uploadKey: StorageKey) {
    this.#bucket = bucket;
    this.#key = `${uploadKey}.state`;
  }

  /** The state as it was saved last; `undefined` when there is none. */
  async load(): Promise<UploadState | undefined> {
    try {
      const bytes = await this.#bucket.call('s3:GetObject', this.#key, async (client) => {
        const { Body } = await client.send(new GetObjectCommand(this.#bucket.at(this.#key)));
        return Buffer.from((await Body?.transformToByteArray()) ?? []);
      });
      const endOfHeader = bytes.indexOf('\n');
      const { uploadId, parts } = JSON.parse(bytes.subarray(0, endOfHeader).toString()) as StateHeader;
      return { uploadId, parts, tail: bytes.subarray(endOfHeader + 1) };
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return undefined;
      throw error;
    }
  }

  async save({ uploadId, parts, tail }: UploadState): Promise<void> {
    const header = Buffer.from(`${JSON.stringify({ uploadId, parts })}\n`);
    await this.#bucket.call('s3:PutObject', this.#key, (client) =>
      client.send(
        new PutObjectCommand({
          ...this.#bucket.at(this.#key),
          ...this.#bucket.encryption,
          Body: Buffer.concat([header, tail]),
        }),
      ),
    );
  }

  async remove(): Promise<void> {
    await this.#bucket.call('s3:DeleteObject', this.#key, (client) =>
      client.send(new DeleteObjectCommand(this.#bucket.at(this.#key))),
    );
  }
}
