import type { StorageKey } from './storage-driver.ts';

/** What a backend takes as parts of one object. */
export interface PartLimits {
  /** Bytes of the smallest part that is not the last one. */
  readonly minBytes: number;
  /** Bytes of the largest part. */
  readonly maxBytes: number;
  readonly maxParts: number;
}

/** A part that the backend has. */
export interface SentPart {
  /** Bytes. */
  readonly size: number;
  /** What the backend wants to hear again when the parts become one object. */
  readonly etag: string;
}

/**
 * What an object store does for an upload: objects sent in parts, and small objects beside them. Every call is tried again inside
 * as often as is worth it; what it throws is final.
 */
export interface MultipartBackend {
  readonly limits: PartLimits;

  /** Starts an object that will be sent in parts; returns the id by which the other calls name it. */
  begin(key: StorageKey): Promise<string>;

  /** Sends one part, numbered from 1, in any order and several at a time; one sent again replaces the first. Returns its etag. */
  sendPart(key: StorageKey, uploadId: string, number: number, bytes: Uint8Array): Promise<string>;

  /** Makes the parts one object. One that is complete already, because the answer was lost, is no error. */
  complete(key: StorageKey, uploadId: string, parts: readonly SentPart[]): Promise<void>;

  /** Removes every part. An upload that the backend has forgotten is no error. */
  abort(key: StorageKey, uploadId: string): Promise<void>;

  /** Puts a whole object, durably, where uploads in progress are kept. */
  put(key: StorageKey, bytes: Uint8Array): Promise<void>;

  /** The bytes of a small object; `undefined` when there is none. */
  get(key: StorageKey): Promise<Buffer | undefined>;

  /** Bytes of an object; `undefined` when there is none. */
  sizeOf(key: StorageKey): Promise<number | undefined>;

  /** Removes an object; one that does not exist is no error. */
  remove(key: StorageKey): Promise<void>;
}
