import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  blobDataKey,
  layerLinkKey,
  revisionLinkKey,
  tagCurrentKey,
  tagIndexKey,
} from '../../registry-image/src/storage/key-layout.ts';
import type { Payload } from './payload.ts';
import { writePayload } from './write-payload.ts';

/** Where the blobs are: `blobDataKey` of the storage. */
const BLOBS = 'docker/registry/v2/blobs/sha256';

/** Writes the directory of a filesystem driver as a registry would. */
export class StorageWriter {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  blob(payload: Payload): void {
    writePayload(this.#place(blobDataKey(payload.digest)), payload);
  }

  removeBlob(digest: string): void {
    const data = path.join(this.#root, blobDataKey(digest));
    rmSync(path.dirname(data), { recursive: true, force: true });
  }

  /** Digests of all blobs. */
  blobs(): readonly string[] {
    const hashes = globSync('*/*', { cwd: path.join(this.#root, BLOBS) });
    return hashes.map((hash) => `sha256:${path.basename(hash)}`);
  }

  layerLink(repository: string, digest: string): void {
    this.#link(layerLinkKey(repository, digest), digest);
  }

  manifest(repository: string, digest: string, tags: readonly string[]): void {
    this.#link(revisionLinkKey(repository, digest), digest);
    for (const tag of tags) {
      this.#link(tagCurrentKey(repository, tag), digest);
      this.#link(tagIndexKey(repository, tag, digest), digest);
    }
  }

  #link(key: string, digest: string): void {
    writeFileSync(this.#place(key), digest);
  }

  /** The file of a key, in a directory that exists. */
  #place(key: string): string {
    const file = path.join(this.#root, key);
    mkdirSync(path.dirname(file), { recursive: true });
    return file;
  }
}
