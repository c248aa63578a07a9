import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import path from 'node:path';

const CHUNK_BYTES = 1024 ** 2;

/** The image that a machine runs: an OCI image archive, named by the SHA-256 of its bytes. */
export class RegistryImage {
  /** Absolute path of the archive. */
  readonly archive: string;
  /** SHA-256 of the archive, 64 lower-case hexadecimal digits. */
  readonly sha256: string;

  private constructor(archive: string, sha256: string) {
    this.archive = archive;
    this.sha256 = sha256;
  }

  /**
   * @param file the archive, relative to the working directory or absolute
   * @throws Error when it cannot be read
   */
  static fromArchive(file: string): RegistryImage {
    const archive = path.resolve(file);
    return new RegistryImage(archive, sha256OfFile(archive));
  }
}

/** Read in pieces: an archive has tens of megabytes. */
function sha256OfFile(file: string): string {
  const descriptor = openArchive(file);
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (let length = readSync(descriptor, buffer); length > 0; length = readSync(descriptor, buffer)) {
      hash.update(buffer.subarray(0, length));
    }
    return hash.digest('hex');
  } finally {
    closeSync(descriptor);
  }
}

function openArchive(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (cause) {
    throw new Error(
      `the image archive ${file} cannot be read (${(cause as NodeJS.ErrnoException).code}); run npm run image in cdktf-container-registry to build dist/registry-image.oci.tar, and give its path`,
      { cause },
    );
  }
}
