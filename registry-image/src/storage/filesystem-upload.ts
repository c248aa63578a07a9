import { constants, fstatSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FilesystemDirectories } from './filesystem-directories.ts';
import type { AppendOptions, StorageUpload } from './storage-driver.ts';

/** Bytes of one write: gathered from the network's pieces of at most 64 KiB. */
const WRITE_BYTES = 1024 * 1024;

/** Buffers kept for the next upload. */
const MAX_IDLE_BUFFERS = 16;

const idleBuffers: Buffer[] = [];

/**
 * An upload that grows in place: a file at its key, whose size is all the state there is. The file is open while a request works
 * on it; between requests an upload holds nothing of the system.
 */
export class FilesystemUpload implements StorageUpload {
  readonly #path: string;
  readonly #directories: FilesystemDirectories;
  #file: FileHandle | undefined;
  #size: number;

  private constructor(path: string, directories: FilesystemDirectories, file: FileHandle, size: number) {
    this.#path = path;
    this.#directories = directories;
    this.#file = file;
    this.#size = size;
  }

  static async open(path: string, directories: FilesystemDirectories): Promise<FilesystemUpload> {
    const file = await directories.addInto(dirname(path), () => openFile(path));
    // Of a file that is open, this never waits for the disk.
    return new FilesystemUpload(path, directories, file, fstatSync(file.fd).size);
  }

  get size(): number {
    return this.#size;
  }

  async append(source: AsyncIterable<Uint8Array>, { last = false }: AppendOptions = {}): Promise<void> {
    const writer = new GatheringWriter(await this.#open(), this.#size);
    let isWhole = false;
    try {
      for await (const chunk of source) await writer.add(chunk);
      isWhole = true;
    } finally {
      try {
        await writer.end();
      } finally {
        this.#size = writer.written;
        if (!(isWhole && last)) await this.close();
      }
    }
  }

  async complete(): Promise<void> {
    const file = await this.#open();
    await file.datasync();
    await this.close();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async cancel(): Promise<void> {
    await this.close();
    await rm(this.#path, { force: true });
    await this.#directories.removeEmpty(dirname(this.#path));
  }

  async #open(): Promise<FileHandle> {
    this.#file ??= await openFile(this.#path);
    return this.#file;
  }
}

function openFile(path: string): Promise<FileHandle> {
  // A symbolic link is not followed: it could have this process create a file anywhere.
  return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW);
}

/** Writes large pieces, one of them while the next is gathered. */
class GatheringWriter {
  readonly #file: FileHandle;
  /** Where the next piece goes. */
  #position: number;
  /** Everything before is written. */
  #written: number;
  #buffer = takeBuffer();
  #filled = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, position: number) {
    this.#file = file;
    this.#position = position;
    this.#written = position;
  }

  /** Where the bytes end that are written without a gap. */
  get written(): number {
    return this.#written;
  }

  async add(chunk: Uint8Array): Promise<void> {
    for (let taken = 0; taken < chunk.byteLength; ) {
      const piece = chunk.subarray(taken, taken + WRITE_BYTES - this.#filled);
      this.#buffer.set(piece, this.#filled);
      this.#filled += piece.byteLength;
      taken += piece.byteLength;
      if (this.#filled === WRITE_BYTES) await this.#write();
    }
  }

  async end(): Promise<void> {
    try {
      await this.#write();
      await this.#writing;
    } finally {
      giveBack(this.#buffer);
    }
  }

  /** Starts to write what is gathered, when the piece before it is written. */
  async #write(): Promise<void> {
    await this.#writing;
    const buffer = this.#buffer;
    const bytes = buffer.subarray(0, this.#filled);
    const position = this.#position;
    this.#position += bytes.byteLength;
    this.#buffer = takeBuffer();
    this.#filled = 0;
    this.#writing = this.#writeAll(bytes, position).finally(() => giveBack(buffer));
    // Whoever awaits it hears of a failure; that nobody does yet is none.
    this.#writing.catch(() => {});
  }

  async #writeAll(bytes: Buffer, position: number): Promise<void> {
    for (let done = 0; done < bytes.byteLength; ) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.byteLength - done, position + done);
      done += bytesWritten;
      this.#written += bytesWritten;
    }
  }
}

function takeBuffer(): Buffer {
  return idleBuffers.pop() ?? Buffer.allocUnsafeSlow(WRITE_BYTES);
}

function giveBack(buffer: Buffer): void {
  if (idleBuffers.length < MAX_IDLE_BUFFERS) idleBuffers.push(buffer);
}
