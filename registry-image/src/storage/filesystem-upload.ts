import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type FilesystemDirectories, syncDirectory } from './filesystem-directories.ts';
import type { StorageUpload } from './storage-driver.ts';

/** An upload that grows in place: a file at its key, whose size is all the state there is. */
export class FilesystemUpload implements StorageUpload {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #directories: FilesystemDirectories;
  #size: number;

  private constructor(file: FileHandle, path: string, size: number, directories: FilesystemDirectories) {
    this.#file = file;
    this.#path = path;
    this.#size = size;
    this.#directories = directories;
  }

  static async open(path: string, directories: FilesystemDirectories): Promise<FilesystemUpload> {
    // A symbolic link is not followed: it could have this process create a file anywhere.
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    const file = await directories.putInto(dirname(path), () => open(path, flags));
    try {
      const { size } = await file.stat();
      return new FilesystemUpload(file, path, size, directories);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  async append(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of source) {
      for (let written = 0; written < chunk.byteLength; ) {
        const { bytesWritten } = await this.#file.write(chunk, written, chunk.byteLength - written, this.#size);
        written += bytesWritten;
        this.#size += bytesWritten;
      }
    }
  }

  async complete(): Promise<void> {
    await this.#file.datasync();
    await this.#file.close();
    await syncDirectory(dirname(this.#path));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async cancel(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
    await this.#directories.removeEmpty(dirname(this.#path));
  }
}
