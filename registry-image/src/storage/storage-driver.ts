/** A key: `/`-separated, relative, built by key-layout.ts only. */
export type StorageKey = string;

export interface ObjectInfo {
  readonly key: StorageKey;
  /** Bytes. */
  readonly size: number;
  readonly modifiedAt: Date;
}

/** First and last byte, both included, as in an HTTP range. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The bytes of an object, in order; to be gone through once. A chunk belongs to the consumer until it asks for the next one: then its
 * memory may be used again, so that an object of any size passes through a few buffers.
 *
 * A loop that ends early frees what the reader holds; who starts none calls `close`.
 */
export interface ObjectReader extends AsyncIterable<Uint8Array> {
  close(): Promise<void>;
}

/** What a driver puts into a signed URL. */
export interface RedirectOptions {
  readonly method: 'GET' | 'HEAD';
  /** Milliseconds. */
  readonly expiresIn: number;
}

/** What is asked of a backend, as far as each may need a right of its own there. `statMissing` is a stat of what does not exist. */
export type StorageOperation =
  | 'open'
  | 'write'
  | 'read'
  | 'stat'
  | 'statMissing'
  | 'list'
  | 'move'
  | 'delete'
  | 'upload'
  | 'cancel'
  | 'redirect';

/** The rights that an operation needs, by the names that the provider has for them. Operations left out need none. */
export type StoragePermissions = Readonly<Partial<Record<StorageOperation, readonly string[]>>>;

/**
 * Objects by key: all that a backend has to offer. Everything else (layout, digests, access) stands above it.
 * A driver retries what is worth retrying; what it throws is final. Its errors never carry credentials.
 */
export interface StorageDriver {
  readonly name: string;

  /** Where the objects are, as the operator knows it: `/var/lib/registry`, `s3://bucket/folder`. Never with credentials. */
  readonly resource?: string;

  readonly permissions?: StoragePermissions;

  /**
   * Opens an object, or the part of it that a range has; nothing when the range starts behind its end.
   *
   * @throws ObjectNotFoundError
   */
  read(key: StorageKey, range?: ByteRange): Promise<ObjectReader>;

  /** Puts a small object (links, states; at most a few MiB) in one step: readers see all of it or none. Durable when it returns. */
  write(key: StorageKey, bytes: Uint8Array): Promise<void>;

  /** @throws ObjectNotFoundError */
  stat(key: StorageKey): Promise<ObjectInfo>;

  /** Every object below a prefix, which ends in `/` or is empty, in no particular order; nothing when there is none. */
  list(prefix: string): AsyncIterable<ObjectInfo>;

  /** Moves an object, replacing what is at the target. Durable when it returns. @throws ObjectNotFoundError */
  move(from: StorageKey, to: StorageKey): Promise<void>;

  /** Removes an object; one that does not exist is no error. */
  delete(key: StorageKey): Promise<void>;

  /** Starts an upload at a key, or takes one up again where an earlier process left it. */
  openUpload(key: StorageKey): Promise<StorageUpload>;

  /** A URL that reads the object without further credentials; left out by drivers that have none. */
  redirectUrl?(key: StorageKey, options: RedirectOptions): Promise<URL>;

  /**
   * The path of the object's file below the directory of the driver, with every link resolved, for a web server that has the same
   * directory; left out by drivers that keep no files.
   *
   * @throws ObjectNotFoundError
   */
  filePath?(key: StorageKey): Promise<string>;

  close(): Promise<void>;
}

export interface AppendOptions {
  /** `complete` follows at once: what an interruption in between would need is not saved. @default false */
  readonly last?: boolean;
}

/** Bytes on their way to one key. Used by one request at a time. */
export interface StorageUpload {
  /** Bytes kept so far. */
  readonly size: number;

  /**
   * Adds bytes at the end; the memory of a chunk may be used again once the next one is asked for. When the source fails, what came
   * before stays, `size` says how much, and the failure is thrown.
   */
  append(source: AsyncIterable<Uint8Array>, options?: AppendOptions): Promise<void>;

  /**
   * Makes everything appended readable at the upload's key; nothing can be appended after. The bytes are durable when it returns,
   * and sure to be found after a power failure once the object has been moved to where it belongs.
   */
  complete(): Promise<void>;

  /** Frees what the process holds, keeps what storage holds: the upload can be opened again. */
  close(): Promise<void>;

  /** Removes every byte and all state. */
  cancel(): Promise<void>;
}

export class ObjectNotFoundError extends Error {
  readonly key: StorageKey;

  constructor(key: StorageKey, options?: ErrorOptions) {
    super(`no object at ${key}`, options);
    this.name = 'ObjectNotFoundError';
    this.key = key;
  }
}
