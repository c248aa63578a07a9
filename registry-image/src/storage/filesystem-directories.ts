import { mkdir, open, rmdir } from 'node:fs/promises';
import { dirname, isAbsolute, relative, sep } from 'node:path';

/** How often an entry is put again into a directory that others keep removing. */
const MAX_ATTEMPTS = 100;

/** Whether a system call failed with one of these codes. */
export function failedWith(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Whether a path is a directory or below it; both absolute and free of symbolic links. */
export function isWithin(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/**
 * Creates a directory with its parents, each made durable by syncing the one above it.
 *
 * Not by `mkdir` with `recursive`, which never returns where the system keeps answering ENOENT: in /proc, below a dangling link.
 *
 * @throws ENOENT also when a parent was removed meanwhile
 */
export async function createDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory);
  } catch (error) {
    if (failedWith(error, 'EEXIST')) return;
    if (!failedWith(error, 'ENOENT') || directory === dirname(directory)) throw error;
    await createDirectory(dirname(directory));
    await mkdir(directory).catch((failure) => {
      if (!failedWith(failure, 'EEXIST')) throw failure;
    });
  }
  await syncDirectory(dirname(directory));
}

/**
 * Makes the entries of a directory durable. A directory that is gone has none, and some file systems (CIFS, some of FUSE) know
 * nothing of syncing a directory.
 */
export async function syncDirectory(directory: string): Promise<void> {
  try {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!failedWith(error, 'ENOENT', 'EINVAL')) throw error;
  }
}

/**
 * Directories that come with their first entry and go with their last one.
 *
 * A new entry survives a power failure only when its directory was synced, and a new directory only when its parent was, and so
 * on upwards. Removing and creating may meet: rmdir never removes a directory that has an entry, and whoever finds its directory
 * gone between creating it and using it creates it again.
 */
export class FilesystemDirectories {
  readonly #root: string;
  readonly #creations = new Set<Promise<void>>();

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Creates a directory, lets `put` add an entry to it, and makes both durable. `put` runs again when it fails with ENOENT,
   * because the directory may have been removed in between.
   */
  async putInto<T>(directory: string, put: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#create(directory);
        const result = await put();
        await syncDirectory(directory);
        // A directory found in place may have been created a moment ago by another call that has not synced it yet.
        await Promise.allSettled(this.#creations);
        return result;
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !failedWith(error, 'ENOENT')) throw error;
      }
    }
  }

  /** Removes a directory if it is empty, then its parents as long as they are, never the root; makes that durable. */
  async removeEmpty(directory: string): Promise<void> {
    let current = directory;
    while (current !== this.#root && isWithin(this.#root, current)) {
      try {
        await rmdir(current);
      } catch (error) {
        // Anything but "already gone" means that it stays: it has entries, is a mount point, or is not ours to remove.
        if (!failedWith(error, 'ENOENT')) break;
      }
      current = dirname(current);
    }
    await syncDirectory(current);
  }

  async #create(directory: string): Promise<void> {
    const creation = createDirectory(directory);
    this.#creations.add(creation);
    try {
      await creation;
    } finally {
      this.#creations.delete(creation);
    }
  }
}
