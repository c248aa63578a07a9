import {
  type AppendOptions,
  type ByteRange,
  type ObjectInfo,
  ObjectNotFoundError,
  type ObjectReader,
  type RedirectOptions,
  type StorageDriver,
  type StorageKey,
  type StoragePermissions,
  type StorageUpload,
} from './storage-driver.ts';
import { assertKey, assertPrefix } from './storage-key.ts';

/** A failure of the backend: which driver, what it was doing, where. What went wrong is the `cause`. */
export class StorageError extends Error {
  readonly driver: string;
  readonly operation: string;
  readonly key: string;

  constructor(driver: string, operation: string, key: string, cause: unknown) {
    const place = key === '' ? 'the root' : key;
    super(`storage driver ${driver} could not ${operation} ${place}: ${(cause as Error).message}`, { cause });
    this.name = 'StorageError';
    this.driver = driver;
    this.operation = operation;
    this.key = key;
  }
}

/**
 * Stands in front of any driver, so that all of them refuse the same keys and fail with the same error.
 *
 * ObjectNotFoundError passes through as it is, and so does the failure of a source that an upload reads from.
 */
export class CheckedDriver implements StorageDriver {
  readonly name: string;
  readonly resource?: string;
  readonly permissions?: StoragePermissions;
  readonly redirectUrl?: NonNullable<StorageDriver['redirectUrl']>;
  readonly filePath?: NonNullable<StorageDriver['filePath']>;
  readonly #driver: StorageDriver;

  constructor(driver: StorageDriver) {
    this.name = driver.name;
    this.#driver = driver;
    if (driver.resource !== undefined) this.resource = driver.resource;
    if (driver.permissions !== undefined) this.permissions = driver.permissions;
    if (driver.redirectUrl !== undefined) {
      const redirectUrl = driver.redirectUrl.bind(driver);
      this.redirectUrl = async (key: StorageKey, options: RedirectOptions) => {
        assertKey(key);
        return labelled(this.name, 'sign a URL for', key, () => redirectUrl(key, options));
      };
    }
    if (driver.filePath !== undefined) {
      const filePath = driver.filePath.bind(driver);
      this.filePath = async (key: StorageKey) => {
        assertKey(key);
        return labelled(this.name, 'find the file of', key, () => filePath(key));
      };
    }
  }

  async read(key: StorageKey, range?: ByteRange): Promise<ObjectReader> {
    assertKey(key);
    if (range !== undefined) assertRange(range);
    const reader = await labelled(this.name, 'read', key, () => this.#driver.read(key, range));
    return new CheckedReader(reader, this.name, key);
  }

  async write(key: StorageKey, bytes: Uint8Array): Promise<void> {
    assertKey(key);
    return labelled(this.name, 'write', key, () => this.#driver.write(key, bytes));
  }

  async stat(key: StorageKey): Promise<ObjectInfo> {
    assertKey(key);
    return labelled(this.name, 'stat', key, () => this.#driver.stat(key));
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    assertPrefix(prefix);
    const entries = this.#driver.list(prefix)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await labelled(this.name, 'list', prefix, () => entries.next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await entries.return?.();
    }
  }

  async move(from: StorageKey, to: StorageKey): Promise<void> {
    assertKey(from);
    assertKey(to);
    return labelled(this.name, `move to ${to} what is at`, from, async () => {
      // Copying and then deleting, as object stores move, would lose the object.
      if (from === to) await this.#driver.stat(from);
      else await this.#driver.move(from, to);
    });
  }

  async delete(key: StorageKey): Promise<void> {
    assertKey(key);
    return labelled(this.name, 'delete', key, () => this.#driver.delete(key));
  }

  async openUpload(key: StorageKey): Promise<StorageUpload> {
    assertKey(key);
    const upload = await labelled(this.name, 'open the upload', key, () => this.#driver.openUpload(key));
    return new CheckedUpload(upload, this.name, key);
  }

  async close(): Promise<void> {
    await this.#driver.close();
  }
}

class CheckedReader implements ObjectReader {
  readonly #reader: ObjectReader;
  readonly #driver: string;
  readonly #key: StorageKey;

  constructor(reader: ObjectReader, driver: string, key: StorageKey) {
    this.#reader = reader;
    this.#driver = driver;
    this.#key = key;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const chunks = this.#reader[Symbol.asyncIterator]();
    return {
      next: () => labelled(this.#driver, 'read', this.#key, () => chunks.next()),
      return: async () => (await chunks.return?.()) ?? { done: true, value: undefined },
    };
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

class CheckedUpload implements StorageUpload {
  readonly #upload: StorageUpload;
  readonly #driver: string;
  readonly #key: StorageKey;

  constructor(upload: StorageUpload, driver: string, key: StorageKey) {
    this.#upload = upload;
    this.#driver = driver;
    this.#key = key;
  }

  get size(): number {
    return this.#upload.size;
  }

  async append(source: AsyncIterable<Uint8Array>, options?: AppendOptions): Promise<void> {
    const sourceFailures = new Set<unknown>();
    try {
      await this.#upload.append(noteFailure(source, sourceFailures), options);
    } catch (error) {
      throw sourceFailures.has(error) ? error : new StorageError(this.#driver, 'append to', this.#key, error);
    }
  }

  complete(): Promise<void> {
    return labelled(this.#driver, 'complete the upload', this.#key, () => this.#upload.complete());
  }

  close(): Promise<void> {
    return labelled(this.#driver, 'close the upload', this.#key, () => this.#upload.close());
  }

  cancel(): Promise<void> {
    return labelled(this.#driver, 'cancel the upload', this.#key, () => this.#upload.cancel());
  }
}

async function labelled<T>(driver: string, operation: string, key: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw error instanceof ObjectNotFoundError ? error : new StorageError(driver, operation, key, error);
  }
}

async function* noteFailure(source: AsyncIterable<Uint8Array>, failures: Set<unknown>): AsyncIterable<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    failures.add(error);
    throw error;
  }
}

function assertRange({ start, end }: ByteRange): void {
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start) return;
  throw new RangeError(`byte range ${start}-${end} must be two whole numbers, the first and the last byte`);
}
