import { DeleteObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { GrowingBuffer } from './growing-buffer.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { S3Multipart } from './s3-multipart.ts';
import { type UploadState, UploadStateStore } from './s3-upload-state.ts';
import { ObjectNotFoundError, type StorageKey, type StorageUpload } from './storage-driver.ts';

const NEW_UPLOAD: UploadState = { uploadId: undefined, parts: [], tail: Buffer.alloc(0) };

/**
 * An upload to S3: gathered into parts, each sent from memory so that it can be sent again. Bytes too few for a part are kept in
 * the state, which is saved after every append; an upload that never fills a part becomes an ordinary object.
 */
export class S3Upload implements StorageUpload {
  readonly #bucket: S3Bucket;
  readonly #key: StorageKey;
  readonly #states: UploadStateStore;
  readonly #multipart: S3Multipart;
  readonly #tail = new GrowingBuffer();
  /** Bytes that the saved state has; 0 when there is none. */
  #savedSize: number;
  #failed = false;

  private constructor(
    bucket: S3Bucket,
    key: StorageKey,
    chunkBytes: number,
    states: UploadStateStore,
    state: UploadState,
  ) {
    this.#bucket = bucket;
    this.#key = key;
    this.#states = states;
    this.#multipart = new S3Multipart(bucket, key, chunkBytes, state);
    this.#tail.append(state.tail, chunkBytes);
    this.#savedSize = this.size;
  }

  /** @param chunkBytes size of the first parts */
  static async open(bucket: S3Bucket, key: StorageKey, chunkBytes: number): Promise<StorageUpload> {
    const states = new UploadStateStore(bucket, key);
    const [state, completedSize] = await Promise.all([states.load(), sizeOf(bucket, key)]);
    const upload = new S3Upload(bucket, key, chunkBytes, states, state ?? NEW_UPLOAD);
    // A process that died between completing and removing the state leaves both behind.
    const isComplete = completedSize !== undefined && (state === undefined || upload.size === completedSize);
    return isComplete ? new CompletedUpload(bucket, key, states, completedSize) : upload;
  }

  get size(): number {
    return this.#failed ? this.#savedSize : this.#multipart.size + this.#tail.size;
  }

  async append(source: AsyncIterable<Uint8Array>): Promise<void> {
    this.#refuseAfterFailure();
    try {
      for await (const chunk of source) await this.#add(chunk);
    } finally {
      await this.#save();
    }
  }

  async complete(): Promise<void> {
    this.#refuseAfterFailure();
    if (this.#multipart.uploadId === undefined) {
      await this.#putObject();
    } else {
      if (this.#tail.size > 0) await this.#send();
      await this.#settle();
      await this.#multipart.complete();
    }
    if (this.#savedSize > 0) await this.#states.remove();
  }

  async close(): Promise<void> {}

  async cancel(): Promise<void> {
    await this.#multipart.abort();
    await this.#states.remove();
    await removeObject(this.#bucket, this.#key);
  }

  async #add(chunk: Uint8Array): Promise<void> {
    for (let taken = 0; taken < chunk.byteLength; ) {
      const partBytes = this.#multipart.nextPartBytes;
      const piece = chunk.subarray(taken, taken + partBytes - this.#tail.size);
      this.#tail.append(piece, partBytes);
      taken += piece.byteLength;
      if (this.#tail.size >= partBytes) await this.#send();
    }
  }

  /** Saves what S3 has. Where a part was lost, that is what came before it, unless the state saved earlier has more. */
  async #save(): Promise<void> {
    try {
      if (this.#tail.size >= this.#multipart.smallestPartBytes) await this.#send();
      await this.#settle();
    } finally {
      const { uploadId, parts } = this.#multipart;
      const size = this.#multipart.size + this.#tail.size;
      if (size > this.#savedSize) {
        await this.#states.save({ uploadId, parts, tail: this.#tail.bytes });
        this.#savedSize = size;
      }
    }
  }

  async #send(): Promise<void> {
    await this.#failing(() => this.#multipart.send(this.#tail.take()));
  }

  async #settle(): Promise<void> {
    await this.#failing(() => this.#multipart.settle());
  }

  /** A failure of S3 leaves a gap in front of what was gathered since: only what is saved can be gone on with. */
  async #failing(call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#failed = true;
      this.#tail.take();
      throw error;
    }
  }

  #refuseAfterFailure(): void {
    if (this.#failed) throw new Error('the upload has failed; open it again to go on where it was saved');
  }

  async #putObject(): Promise<void> {
    await this.#bucket.call('s3:PutObject', this.#key, (client) =>
      client.send(
        new PutObjectCommand({ ...this.#bucket.at(this.#key), ...this.#bucket.encryption, Body: this.#tail.bytes }),
      ),
    );
  }
}

/** An upload whose object is there already, because the answer to its completion was lost or its next step never came. */
class CompletedUpload implements StorageUpload {
  readonly #bucket: S3Bucket;
  readonly #key: StorageKey;
  readonly #states: UploadStateStore;
  readonly size: number;

  constructor(bucket: S3Bucket, key: StorageKey, states: UploadStateStore, size: number) {
    this.#bucket = bucket;
    this.#key = key;
    this.#states = states;
    this.size = size;
  }

  async append(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of source) {
      if (chunk.byteLength > 0) {
        throw new Error(`the upload is complete with ${this.size} bytes and takes no more; start another one`);
      }
    }
  }

  async complete(): Promise<void> {
    await this.#states.remove();
  }

  async close(): Promise<void> {}

  async cancel(): Promise<void> {
    await this.#states.remove();
    await removeObject(this.#bucket, this.#key);
  }
}

async function sizeOf(bucket: S3Bucket, key: StorageKey): Promise<number | undefined> {
  try {
    const { ContentLength } = await bucket.call('s3:GetObject', key, (client) =>
      client.send(new HeadObjectCommand(bucket.at(key))),
    );
    return ContentLength;
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

async function removeObject(bucket: S3Bucket, key: StorageKey): Promise<void> {
  await bucket.call('s3:DeleteObject', key, (client) => client.send(new DeleteObjectCommand(bucket.at(key))));
}
