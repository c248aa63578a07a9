import { randomUUID } from 'node:crypto';
import { closeSync, constants, type Dirent, fstatSync, open as openFile, type Stats } from 'node:fs';
import { type FileHandle, open, readdir, realpath, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { LRUCache } from 'lru-cache';
import { FileReader } from './file-reader.ts';
import {
  createDirectory,
  FilesystemDirectories,
  failedWith,
  isWithin,
  syncDirectory,
} from './filesystem-directories.ts';
import { FilesystemUpload } from './filesystem-upload.ts';
import {
  type ByteRange,
  type ObjectInfo,
  ObjectNotFoundError,
  type ObjectReader,
  type StorageDriver,
  type StorageKey,
  type StoragePermissions,
  type StorageUpload,
} from './storage-driver.ts';

export interface FilesystemOptions {
  /** Absolute path of the directory that holds `docker/registry/v2`; created when it is missing. */
  readonly rootdirectory: string;
}

/** Files being written, below the root so that a rename puts them in place, outside `docker/` so that nobody takes them for data. */
const PRIVATE_DIRECTORY = 'uploads/.tmp';

/** Files in the private directory that are older belong to a process that died: a write takes seconds. */
const STALE_AFTER_MILLISECONDS = 60 * 60 * 1000;

const CHANGE_DIRECTORIES = 'write and search (wx) on directories';
const READ_FILES = 'search (x) on directories, read (r) on files';

const PERMISSIONS = {
  open: ['read, write and search (rwx) on the directory'],
  write: [CHANGE_DIRECTORIES],
  read: [READ_FILES],
  stat: ['search (x) on directories'],
  statMissing: ['search (x) on directories'],
  list: ['read and search (rx) on directories'],
  move: [CHANGE_DIRECTORIES],
  delete: [CHANGE_DIRECTORIES],
  upload: [CHANGE_DIRECTORIES, 'read and write (rw) on files'],
  cancel: [CHANGE_DIRECTORIES],
} as const;

const openDescriptor = promisify(openFile);

/** How many directories, and for how long, are taken to be where they were found. */
const MAX_INSIDE = 10_000;
const INSIDE_MILLISECONDS = 10_000;

/** What the system says when there is no file at a path: nothing, a file on the way to it, or a directory. */
const NO_OBJECT = ['ENOENT', 'ENOTDIR', 'EISDIR'] as const;

/**
 * Objects as files below one directory, in the layout of CNCF distribution's driver, which can serve the same directory.
 *
 * Symbolic links are followed as long as they stay below the root; a key that leads outside is refused. `list` follows none.
 */
export class FilesystemDriver implements StorageDriver {
  readonly name = 'filesystem';
  readonly resource: string;
  readonly permissions: StoragePermissions = PERMISSIONS;
  readonly #root: string;
  readonly #directories: FilesystemDirectories;
  /** Directories that were found below the root, with every link resolved. */
  readonly #inside = new LRUCache<string, true>({ max: MAX_INSIDE, ttl: INSIDE_MILLISECONDS });

  private constructor(root: string) {
    this.#root = root;
    this.resource = root;
    this.#directories = new FilesystemDirectories(root);
  }

  /** @throws Error that says what to do when the root cannot be created or written to */
  static async open({ rootdirectory }: FilesystemOptions): Promise<FilesystemDriver> {
    try {
      await createDirectory(rootdirectory);
      // Links on the way to the root are the operator's choice; only those below it are checked.
      const driver = new FilesystemDriver(await realpath(rootdirectory));
      await driver.#removeStaleFiles();
      const probe = await driver.#createPrivateFile(new Uint8Array());
      await rm(probe);
      return driver;
    } catch (error) {
      const identity = `user ${process.getuid?.() ?? '?'}, group ${process.getgid?.() ?? '?'}`;
      throw new Error(
        `storage.filesystem.rootdirectory: ${rootdirectory} must be a directory that this process (${identity}) can write to, ` +
          `but ${(error as Error).message}; give the directory to that user, mount it writable, or set another one`,
        { cause: error },
      );
    }
  }

  async read(key: StorageKey, range?: ByteRange): Promise<ObjectReader> {
    const descriptor = await this.#orNotFound(key, () => this.#openExisting(key));
    try {
      // Of a file that is open, this never waits for the disk.
      const info = fstatSync(descriptor);
      if (!info.isFile()) throw new ObjectNotFoundError(key);
      const end = range === undefined ? info.size : Math.min(range.end + 1, info.size);
      return new FileReader(descriptor, range?.start ?? 0, end);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  async write(key: StorageKey, bytes: Uint8Array): Promise<void> {
    const target = await this.#locate(key);
    const source = await this.#createPrivateFile(bytes);
    try {
      await this.#directories.putInto(dirname(target), () => rename(source, target));
    } catch (error) {
      await rm(source, { force: true });
      throw error;
    }
  }

  async stat(key: StorageKey): Promise<ObjectInfo> {
    const info = await this.#orNotFound(key, async () => stat(await this.#locateExisting(key)));
    if (!info.isFile()) throw new ObjectNotFoundError(key);
    return objectInfo(key, info);
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    const directory = await this.#locateExisting(prefix).catch(nothingWhenGone);
    if (directory === undefined) return;
    for (const entry of await entriesOf(directory)) {
      const key = `${prefix}${entry.name}`;
      if (entry.isDirectory() && key !== PRIVATE_DIRECTORY) {
        yield* this.list(`${key}/`);
      } else if (entry.isFile()) {
        const info = await stat(join(directory, entry.name)).catch(nothingWhenGone);
        if (info !== undefined) yield objectInfo(key, info);
      }
    }
  }

  async move(from: StorageKey, to: StorageKey): Promise<void> {
    const source = await this.#orNotFound(from, () => this.#locateExisting(from));
    const target = await this.#locate(to);
    await this.#directories.putInto(dirname(target), async () => {
      try {
        await rename(source, target);
      } catch (error) {
        if (failedWith(error, 'ENOENT')) await this.stat(from);
        throw error;
      }
    });
    // That they are gone need not survive a power failure.
    await this.#directories.removeEmpty(dirname(source));
  }

  async delete(key: StorageKey): Promise<void> {
    const path = await this.#locate(key);
    try {
      await unlink(path);
    } catch (error) {
      if (failedWith(error, ...NO_OBJECT)) return;
      throw error;
    }
    await syncDirectory(await this.#directories.removeEmpty(dirname(path)));
  }

  async openUpload(key: StorageKey): Promise<StorageUpload> {
    const path = await this.#locate(key);
    const upload = await FilesystemUpload.open(path, this.#directories);
    this.#inside.set(dirname(path), true);
    return upload;
  }

  async filePath(key: StorageKey): Promise<string> {
    return relative(this.#root, await this.#orNotFound(key, () => this.#locateExisting(key)));
  }

  async close(): Promise<void> {}

  /** Path of an object to be created, changed or removed. Its parents, as far as they exist, are below the root. */
  async #locate(key: StorageKey): Promise<string> {
    const path = join(this.#root, key);
    for (let parent = dirname(path); parent !== this.#root; parent = dirname(parent)) {
      if (await this.#isKnownInside(key, parent)) break;
    }
    return path;
  }

  /** Path of an object to be read, with every link resolved. @throws ENOENT */
  async #locateExisting(key: StorageKey): Promise<string> {
    const real = await realpath(join(this.#root, key));
    this.#refuseOutside(key, real);
    return real;
  }

  /** Opens an object to be read. A link in its place is followed where it stays below the root. @throws ENOENT */
  async #openExisting(key: StorageKey): Promise<number> {
    const path = join(this.#root, key);
    if (await this.#isKnownInside(key, dirname(path))) {
      try {
        return await openDescriptor(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      } catch (error) {
        if (!failedWith(error, 'ELOOP')) throw error;
      }
    }
    return openDescriptor(await this.#locateExisting(key), constants.O_RDONLY);
  }

  /** Whether a directory exists, with every link resolved, below the root; asked again after a few seconds. */
  async #isKnownInside(key: StorageKey, directory: string): Promise<boolean> {
    if (directory === this.#root || this.#inside.has(directory)) return true;
    const real = await realpath(directory).catch(nothingWhenGone);
    if (real === undefined) return false;
    this.#refuseOutside(key, real);
    this.#inside.set(directory, true);
    return true;
  }

  #refuseOutside(key: StorageKey, real: string): void {
    if (isWithin(this.#root, real)) return;
    throw new Error(
      `a symbolic link on the way to ${key} leads to ${real}, outside of ${this.#root}; mount other disks into the directory instead`,
    );
  }

  async #orNotFound<T>(key: StorageKey, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw failedWith(error, ...NO_OBJECT) ? new ObjectNotFoundError(key, { cause: error }) : error;
    }
  }

  /** Writes bytes durably to a file that nobody reads yet. */
  async #createPrivateFile(bytes: Uint8Array): Promise<string> {
    const directory = join(this.#root, PRIVATE_DIRECTORY);
    const path = join(directory, randomUUID());
    try {
      const file = await this.#openPrivate(directory, path);
      try {
        await file.writeFile(bytes);
        await file.datasync();
      } finally {
        await file.close();
      }
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    return path;
  }

  /** The directory is nearly always there. */
  async #openPrivate(directory: string, path: string): Promise<FileHandle> {
    try {
      return await open(path, 'wx');
    } catch (error) {
      if (!failedWith(error, 'ENOENT')) throw error;
      await createDirectory(directory);
      return open(path, 'wx');
    }
  }

  async #removeStaleFiles(): Promise<void> {
    const directory = join(this.#root, PRIVATE_DIRECTORY);
    for (const { name } of await entriesOf(directory)) {
      const info = await stat(join(directory, name)).catch(nothingWhenGone);
      if (info !== undefined && Date.now() - info.mtimeMs > STALE_AFTER_MILLISECONDS) {
        await rm(join(directory, name), { force: true });
      }
    }
  }
}

function objectInfo(key: StorageKey, info: Stats): ObjectInfo {
  return { key, size: info.size, modifiedAt: info.mtime };
}

async function entriesOf(directory: string): Promise<Dirent[]> {
  return (await readdir(directory, { withFileTypes: true }).catch(nothingWhenGone)) ?? [];
}

/** For what may vanish at any time, because others delete it. */
function nothingWhenGone(error: unknown): undefined {
  if (!failedWith(error, 'ENOENT', 'ENOTDIR')) throw error;
}
