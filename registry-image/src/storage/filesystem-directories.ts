import { mkdir, open, rmdir, stat } from 'node:fs/promises';
import { dirname, isAbsolute, relative, sep } from 'node:path';
import { LRUCache } from 'lru-cache';

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
  const parents: string[] = [];
  for (let current = directory; !(await exists(current)); current = dirname(current)) parents.push(dirname(current));
  await makeDirectory(directory);
  for (const parent of parents) await syncDirectory(parent);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => path === dirname(path),
  );
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

/** Directories that are remembered as durable. */
const MAX_DURABLE = 10_000;

/**
 * Directories that come with their first entry and go with their last one.
 *
 * A new entry survives a power failure only when its directory was synced, and a new directory only when its parent was, and so
 * on upwards. Removing and creating may meet: rmdir never removes a directory that has an entry, and whoever finds its directory
 * gone between creating it and using it creates it again.
 */
export class FilesystemDirectories {
  readonly #root: string;
  /** Directories whose parents this process has synced since it saw them: another process may have made one a moment ago. */
  readonly #durable = new LRUCache<string, true>({ max: MAX_DURABLE });

  constructor(root: string) {
    this.#root = root;
  }

  /** Creates a directory, lets `put` add an entry to it, and makes both durable. `put` runs as in `addInto`. */
  async putInto<T>(directory: string, put: () => Promise<T>): Promise<T> {
    return this.addInto(directory, async () => {
      const result = await put();
      await this.#sync(directory);
      return result;
    });
  }

  /**
   * Creates a directory and lets `add` make an entry in it; neither need survive a power failure. `add` runs again when it fails
   * with ENOENT, because the directory may have been removed in between.
   */
  async addInto<T>(directory: string, add: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await makeDirectory(directory);
        return await add();
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !failedWith(error, 'ENOENT')) throw error;
      }
    }
  }

  /** Removes a directory if it is empty, then its parents as long as they are, never the root. Returns the first that stays. */
  async removeEmpty(directory: string): Promise<string> {
    let current = directory;
    while (current !== this.#root && isWithin(this.#root, current)) {
      this.#durable.delete(current);
      try {
        await rmdir(current);
      } catch (error) {
        // Anything but "already gone" means that it stays: it has entries, is a mount point, or is not ours to remove.
        if (!failedWith(error, 'ENOENT')) break;
      }
      current = dirname(current);
    }
    return current;
  }

  /** Makes the entries of a directory durable, and those of the directories above it that lead to it; all at once. */
  async #sync(directory: string): Promise<void> {
    const unsure: string[] = [];
    for (let current = directory; current !== this.#root && isWithin(this.#root, current); current = dirname(current)) {
      if (!this.#durable.has(current)) unsure.push(current);
    }
    await Promise.all([...new Set([directory, ...unsure.map((one) => dirname(one))])].map(syncDirectory));
    for (const one of unsure) this.#durable.set(one, true);
  }
}

/** Creates a directory with its parents. @throws ENOENT also when a parent was removed meanwhile */
async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory);
  } catch (error) {
    if (failedWith(error, 'EEXIST')) return;
    if (!failedWith(error, 'ENOENT') || directory === dirname(directory)) throw error;
    await makeDirectory(dirname(directory));
    await mkdir(directory).catch((failure) => {
      if (!failedWith(failure, 'EEXIST')) throw failure;
    });
  }
}
