import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a file so that whoever reads it, also after a crash, sees the old content or the new one and nothing between.
 *
 * @param mode permission bits of the new file, such as 0o600
 */
export async function replaceFile(path: string, data: string, mode: number): Promise<void> {
  await withTemporaryFile(path, data, mode, (temporary) => rename(temporary, path));
}

/**
 * Creates a file with all its content at once. Of several processes that try, one succeeds.
 *
 * @returns false when the file exists already; it is left as it is
 */
export async function createFile(path: string, data: string, mode: number): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true });
  try {
    // A hard link, unlike a rename, refuses to take the place of an existing file.
    await withTemporaryFile(path, data, mode, (temporary) => link(temporary, path));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function withTemporaryFile(
  path: string,
  data: string,
  mode: number,
  publish: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', mode);
  try {
    try {
      await file.writeFile(data);
      // The umask may have taken bits away.
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await publish(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(dirname(path));
}

/** Makes a new directory entry durable. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
