import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { S3Bucket } from './s3-bucket.ts';
import { isS3Error } from './s3-errors.ts';
import type { StorageKey } from './storage-driver.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html: limits of multipart uploads. */
const MAX_PARTS = 10_000;
const MIN_PART_BYTES = 5 * 1024 ** 2;
const MAX_PART_BYTES = 5 * 1024 ** 3;

/** Parts that are sent while the next one is gathered, which makes one more in memory. */
const PARTS_IN_FLIGHT = 2;

/** Parts grow by the size of the first ones every so many parts, so that 10,000 of 10 MiB at first make 537 GiB. */
const PARTS_OF_ONE_SIZE = 1000;

/** A part that S3 has. */
export interface SentPart {
  /** Bytes. */
  readonly size: number;
  readonly etag: string;
}

/** A multipart upload: begun with its first part, sent a few parts at a time. */
export class S3Multipart {
  readonly #bucket: S3Bucket;
  readonly #key: StorageKey;
  readonly #chunkBytes: number;
  readonly #sending = new Set<Promise<void>>();
  /** In order, with the parts that are being sent: those have no etag yet. */
  readonly #parts: { readonly size: number; etag?: string }[];
  #uploadId: string | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** @param begun what an earlier process has sent */
  constructor(
    bucket: S3Bucket,
    key: StorageKey,
    chunkBytes: number,
    begun: { readonly uploadId: string | undefined; readonly parts: readonly SentPart[] },
  ) {
    this.#bucket = bucket;
    this.#key = key;
    this.#chunkBytes = chunkBytes;
    this.#uploadId = begun.uploadId;
    this.#parts = begun.parts.map((part) => ({ ...part }));
  }

  /** Left out until the first part is sent. */
  get uploadId(): string | undefined {
    return this.#uploadId;
  }

  /** Bytes of all parts, also those that are being sent. */
  get size(): number {
    return this.#parts.reduce((sum, { size }) => sum + size, 0);
  }

  /** The parts that S3 has. */
  get parts(): SentPart[] {
    return this.#parts.flatMap(({ size, etag }) => (etag === undefined ? [] : [{ size, etag }]));
  }

  /** Bytes that the next part should have. */
  get nextPartBytes(): number {
    return Math.min(this.#chunkBytes * this.#growth, MAX_PART_BYTES);
  }

  /** Bytes that the next part needs, unless it is the last one. */
  get smallestPartBytes(): number {
    return MIN_PART_BYTES * this.#growth;
  }

  get #growth(): number {
    return 1 + Math.floor(this.#parts.length / PARTS_OF_ONE_SIZE);
  }

  /** Starts to send a part as soon as fewer than a few are under way. @throws when an earlier part has failed, as `settle` does */
  async send(bytes: Uint8Array): Promise<void> {
    if (this.#parts.length === MAX_PARTS) {
      throw new Error(
        `S3 takes ${MAX_PARTS} parts, and this upload has as many (${this.size} bytes); raise storage.s3.chunksize (${this.#chunkBytes})`,
      );
    }
    while (this.#sending.size >= PARTS_IN_FLIGHT) await Promise.race(this.#sending);
    if (this.#failure !== undefined) await this.settle();
    this.#uploadId ??= await this.#begin();
    const part: { readonly size: number; etag?: string } = { size: bytes.byteLength };
    const number = this.#parts.push(part);
    const sending = this.#sendPart(number, bytes)
      .then((etag) => {
        part.etag = etag;
      })
      .catch((error) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  /** Waits until no part is being sent. @throws when one has failed; the parts before it are kept, and no others */
  async settle(): Promise<void> {
    await Promise.all(this.#sending);
    if (this.#failure === undefined) return;
    const { error } = this.#failure;
    this.#failure = undefined;
    this.#parts.splice(this.#parts.findIndex(({ etag }) => etag === undefined));
    throw error;
  }

  /** Makes the parts one object. */
  async complete(): Promise<void> {
    const Parts = this.#parts.map(({ etag }, index) => ({ ETag: etag, PartNumber: index + 1 }));
    try {
      await this.#bucket.call('s3:PutObject', this.#key, (client) =>
        client.send(new CompleteMultipartUploadCommand({ ...this.#target, MultipartUpload: { Parts } })),
      );
    } catch (error) {
      if (!(await this.#isCompleteAlready(error))) throw error;
    }
  }

  async abort(): Promise<void> {
    if (this.#uploadId === undefined) return;
    try {
      await this.#bucket.call('s3:AbortMultipartUpload', this.#key, (client) =>
        client.send(new AbortMultipartUploadCommand(this.#target)),
      );
    } catch (error) {
      if (!isS3Error(error, 'NoSuchUpload')) throw error;
    }
  }

  get #target() {
    return { ...this.#bucket.at(this.#key), UploadId: this.#uploadId };
  }

  async #begin(): Promise<string | undefined> {
    const { UploadId } = await this.#bucket.call('s3:PutObject', this.#key, (client) =>
      client.send(new CreateMultipartUploadCommand({ ...this.#bucket.at(this.#key), ...this.#bucket.encryption })),
    );
    return UploadId;
  }

  async #sendPart(PartNumber: number, Body: Uint8Array): Promise<string> {
    const { ETag = '' } = await this.#bucket.call('s3:PutObject', this.#key, (client) =>
      client.send(new UploadPartCommand({ ...this.#target, PartNumber, Body })),
    );
    return ETag;
  }

  /** S3 forgets an upload that it has completed: when its answer was lost, all there is to see is the object. */
  async #isCompleteAlready(error: unknown): Promise<boolean> {
    if (!isS3Error(error, 'NoSuchUpload')) return false;
    const { ContentLength } = await this.#bucket.call('s3:GetObject', this.#key, (client) =>
      client.send(new HeadObjectCommand(this.#bucket.at(this.#key))),
    );
    return ContentLength === this.size;
  }
}
