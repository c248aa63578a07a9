import { randomBytes } from 'node:crypto';
import { type AzureContainer, orNothing } from './azure-container.ts';
import { AZURE_PERMISSIONS } from './azure-errors.ts';
import type { MultipartBackend, SentPart } from './multipart-backend.ts';
import type { StorageKey } from './storage-driver.ts';

/** Every part number has as many digits: all block ids of a blob must be of one length. */
const PART_NUMBER_DIGITS = 5;

/**
 * Uploads as the blocks of a blob, which is not there for anybody until they are committed:
 * https://learn.microsoft.com/rest/api/storageservices/understanding-block-blobs--append-blobs--and-page-blobs#about-block-blobs
 *
 * Azure knows no uploads, only the blocks that a name has: the id of ours is in the ids of its blocks, so that those of an earlier
 * upload to the same key are never taken for them. Blocks that nobody commits vanish a week after the last one came.
 */
export class AzureMultipart implements MultipartBackend {
  /**
   * Azure takes 50,000 blocks of up to 4000 MiB and has no smallest one; the other stores' numbers let blocks grow as they do there.
   * https://learn.microsoft.com/azure/storage/blobs/scalability-targets
   */
  readonly limits = { minBytes: 5 * 1024 ** 2, maxBytes: 4000 * 1024 ** 2, maxParts: 10_000 };
  readonly #container: AzureContainer;

  constructor(container: AzureContainer) {
    this.#container = container;
  }

  async begin(_key: StorageKey): Promise<string> {
    return randomBytes(16).toString('hex');
  }

  async sendPart(key: StorageKey, uploadId: string, number: number, bytes: Uint8Array): Promise<string> {
    const id = blockId(uploadId, number);
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const blob = this.#container.blocks(key);
    await this.#container.call(AZURE_PERMISSIONS.write, key, () => blob.stageBlock(id, body, body.byteLength));
    return id;
  }

  /** Blocks that are committed already can be committed again. */
  async complete(key: StorageKey, _uploadId: string, parts: readonly SentPart[]): Promise<void> {
    const ids = parts.map(({ etag }) => etag);
    const blob = this.#container.blocks(key);
    await this.#container.call(AZURE_PERMISSIONS.write, key, () => blob.commitBlockList(ids));
  }

  /** Nothing removes blocks but committing others, which are none here. */
  async abort(key: StorageKey, _uploadId: string): Promise<void> {
    const blob = this.#container.blocks(key);
    await this.#container.call(AZURE_PERMISSIONS.write, key, () => blob.commitBlockList([]));
    await this.#container.remove(key);
  }

  put(key: StorageKey, bytes: Uint8Array): Promise<void> {
    return this.#container.put(key, bytes);
  }

  async get(key: StorageKey): Promise<Buffer | undefined> {
    return orNothing(async () => {
      const chunks = [];
      for await (const chunk of await this.#container.read(key)) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks);
    });
  }

  async sizeOf(key: StorageKey): Promise<number | undefined> {
    const blob = this.#container.blob(key);
    const found = await orNothing(() => this.#container.call(AZURE_PERMISSIONS.read, key, () => blob.getProperties()));
    return found?.contentLength;
  }

  remove(key: StorageKey): Promise<void> {
    return this.#container.remove(key);
  }
}

function blockId(uploadId: string, number: number): string {
  return Buffer.from(`${uploadId}-${String(number).padStart(PART_NUMBER_DIGITS, '0')}`).toString('base64');
}
