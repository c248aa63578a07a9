import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';
import { packTar, type TarEntry } from './tar.ts';

const gzip = promisify(gzipCallback);

/** A compressed layer: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md */
export interface Layer {
  readonly name: string;
  /** Digest of the tar archive. */
  readonly diffId: string;
  /** Digest of `compressed`. */
  readonly digest: string;
  readonly compressed: Buffer;
  /** Bytes of the tar archive. */
  readonly uncompressedSize: number;
}

/**
 * Packs and compresses a layer. The same entries give the same bytes: they are sorted, and the time of all of them is `time`.
 * Directories that they lie in are made. Compressed layers are kept in `cache`, by the digest of what they hold.
 */
export async function buildLayer(
  name: string,
  entries: readonly TarEntry[],
  { cache, time }: { cache: string; time: Date },
): Promise<Layer> {
  const tar = await packTar(withParents(entries), time);
  const diffId = sha256(tar);
  const cached = path.join(cache, 'layers', `${diffId.slice('sha256:'.length)}.zlib-${process.versions.zlib}.tar.gz`);
  if (!existsSync(cached)) {
    mkdirSync(path.dirname(cached), { recursive: true });
    writeFileSync(`${cached}.${process.pid}`, await compress(tar));
    renameSync(`${cached}.${process.pid}`, cached);
  }
  const compressed = readFileSync(cached);
  return { name, diffId, digest: sha256(compressed), compressed, uncompressedSize: tar.length };
}

/** The files below `folder` as entries below `prefix`, with their modes reduced to 0755 for programs and 0644 for the rest. */
export function entriesOfFolder(folder: string, prefix: string): TarEntry[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile())
    .map((found) => {
      const file = path.join(found.parentPath, found.name);
      const mode = (statSync(file).mode & 0o100) === 0 ? 0o644 : 0o755;
      return { path: path.join(prefix, path.relative(folder, file)), content: readFileSync(file), mode };
    });
}

export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Adds the directories that the entries lie in, and sorts: a directory comes before what is in it. */
function withParents(entries: readonly TarEntry[]): TarEntry[] {
  const byPath = new Map<string, TarEntry>();
  for (const { path: entryPath } of entries) {
    for (let parent = path.dirname(entryPath); parent !== '.'; parent = path.dirname(parent)) {
      byPath.set(parent, { path: parent, content: 'directory' });
    }
  }
  for (const entry of entries) byPath.set(entry.path, entry);
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function compress(tar: Buffer): Promise<Buffer> {
  const compressed = await gzip(tar, { level: 6 });
  // RFC 1952, 2.3.1: the operating system; 255 is unknown, whatever this one is.
  compressed[9] = 0xff;
  return compressed;
}
