import { createReadStream, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import type { ImageBuild } from '../../scripts/image/build-image.ts';
import { findTool } from '../support/requirements.ts';
import { runCommand } from '../support/run-command.ts';

export const REPOSITORY = path.resolve(import.meta.dirname, '../..');
export const MAIN = path.join(REPOSITORY, 'scripts/image/main.mjs');

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Why this machine cannot build the image, or `undefined` when it can. */
export function reasonNotToBuild(): string | undefined {
  if (findTool('apt-get') === undefined) return 'apt-get not found on this machine, which is not a Debian or Ubuntu';
  return existsSync(KEYRING) ? undefined : `${KEYRING} not found; on Debian: apt-get install debian-archive-keyring`;
}

/** `npm run image -- --json` with further options. */
export async function buildImageArchive(output: string, ...options: string[]): Promise<ImageBuild> {
  const { stdout } = await runCommand(process.execPath, [MAIN, '--json', '--output', output, ...options]);
  return JSON.parse(stdout) as ImageBuild;
}

export interface ImageFile {
  readonly header: Header;
  readonly content: Buffer;
}

/** An image as an engine would see it: its manifest and configuration, and the files of all its layers by absolute path. */
export interface OpenedImage {
  readonly config: {
    readonly config: Record<string, unknown> & { readonly Labels: Record<string, string> };
    readonly rootfs: { readonly diff_ids: readonly string[] };
  };
  readonly files: ReadonlyMap<string, ImageFile>;
}

export async function openImage(archive: string): Promise<OpenedImage> {
  const blobs = await readTar(createReadStream(archive));
  const json = (name: string) => JSON.parse(String(blobs.get(name)?.content));
  const blob = (digest: string) => `blobs/${digest.replace(':', '/')}`;
  const manifest = json(blob(json('index.json').manifests[0].digest));
  const files = new Map<string, ImageFile>();
  for (const { digest } of manifest.layers as { digest: string }[]) {
    const layer = await readTar(Readable.from([gunzipSync(blobs.get(blob(digest))?.content as Buffer)]));
    for (const [name, file] of layer) files.set(`/${name}`, file);
  }
  return { config: json(blob(manifest.config.digest)), files };
}

async function readTar(source: Readable): Promise<Map<string, ImageFile>> {
  const archive = extract();
  source.pipe(archive);
  const files = new Map<string, ImageFile>();
  for await (const entry of archive)
    files.set(entry.header.name, { header: entry.header, content: await buffer(entry) });
  return files;
}

/** A file of this repository, as text. */
export function repositoryFile(name: string): string {
  return readFileSync(path.join(REPOSITORY, name), 'utf8');
}
