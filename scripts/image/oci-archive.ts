import { createWriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { type Layer, sha256 } from './layer.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface WrittenArchive {
  /** Digest of the manifest: the digest of the image. */
  readonly digest: string;
  /** Digest of the configuration: the image's id in podman and docker. */
  readonly id: string;
}

/**
 * Writes an image as one tar archive that is two things: an OCI image layout
 * (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md), and, by its manifest.json over the same blobs,
 * what `docker load` takes. The file appears when it is complete.
 *
 * @param image its configuration, its layers, and the name it gets where it is loaded
 */
export async function writeArchive(
  file: string,
  image: {
    readonly name: string;
    readonly config: object;
    readonly layers: readonly Layer[];
    readonly platform: { readonly architecture: string; readonly os: string };
    readonly time: Date;
  },
): Promise<WrittenArchive> {
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, bytes: Buffer): Descriptor => {
    const digest = sha256(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const config = add(CONFIG, json(image.config));
  const layers = image.layers.map(({ compressed }) => add(LAYER, compressed));
  const manifest = add(MANIFEST, json({ schemaVersion: 2, mediaType: MANIFEST, config, layers }));

  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      { ...manifest, platform: image.platform, annotations: { 'org.opencontainers.image.ref.name': image.name } },
    ],
  };
  const dockerManifest = [
    { Config: blobPath(config.digest), RepoTags: [image.name], Layers: layers.map(({ digest }) => blobPath(digest)) },
  ];
  await writeTar(file, image.time, [
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ['index.json', json(index)],
    ['manifest.json', json(dockerManifest)],
    ...[...blobs].map(([digest, bytes]): [string, Buffer] => [blobPath(digest), bytes]),
  ]);
  return { digest: manifest.digest, id: config.digest };
}

async function writeTar(file: string, mtime: Date, files: readonly [string, Buffer][]): Promise<void> {
  const archive = pack();
  for (const [name, bytes] of files) archive.entry({ name, mode: 0o644, mtime }, bytes);
  archive.finalize();
  const unfinished = `${file}.${process.pid}.part`;
  await mkdir(path.dirname(file), { recursive: true });
  await pipeline(archive, createWriteStream(unfinished));
  await rename(unfinished, file);
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
