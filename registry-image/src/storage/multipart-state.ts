import type { MultipartBackend, SentPart } from './multipart-backend.ts';
import type { StorageKey } from './storage-driver.ts';

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
 * Not all stores list the uploads in progress, so the id has to be kept somewhere.
 */
export class UploadStateStore {
  readonly #backend: MultipartBackend;
  readonly #key: StorageKey;

  constructor(backend: MultipartBackend, uploadKey: StorageKey) {
    this.#backend = backend;
    this.#key = `${uploadKey}.state`;
  }

  /** The state as it was saved last; `undefined` when there is none. */
  async load(): Promise<UploadState | undefined> {
    const bytes = await this.#backend.get(this.#key);
    if (bytes === undefined) return undefined;
    const endOfHeader = bytes.indexOf('\n');
    const { uploadId, parts } = JSON.parse(bytes.subarray(0, endOfHeader).toString()) as StateHeader;
    return { uploadId, parts, tail: bytes.subarray(endOfHeader + 1) };
  }

  async save({ uploadId, parts, tail }: UploadState): Promise<void> {
    const header = Buffer.from(`${JSON.stringify({ uploadId, parts })}\n`);
    await this.#backend.put(this.#key, Buffer.concat([header, tail]));
  }

  async remove(): Promise<void> {
    await this.#backend.remove(this.#key);
  }
}
