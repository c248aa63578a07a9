import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ImageBuildError } from './image-build-error.ts';
import { type Layer, sha256 } from './layer.ts';
import { packTar, type TarEntry } from './tar.ts';

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
  /** Digest of the archive file. */
  readonly archiveDigest: string;
  /** Bytes of the archive file. */
  readonly size: number;
}

/**
 * Writes an image as one tar archive that is two things: an OCI image layout
 * (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md), and, by its manifest.json over the same blobs,
 * what `docker load` takes. The file appears when it is complete.
 *
 * @param image its configuration, its layers, and the name it gets where it is loaded
 * @throws {ImageBuildError} when the file cannot be written
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
  const files: TarEntry[] = [
    { path: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', content: json(index) },
    { path: 'manifest.json', content: json(dockerManifest) },
    ...[...blobs].map(([digest, bytes]) => ({ path: blobPath(digest), content: bytes })),
  ];
  const archive = await packTar(files, image.time);
  await writeWhole(file, archive);
  return { digest: manifest.digest, id: config.digest, archiveDigest: sha256(archive), size: archive.length };
}

async function writeWhole(file: string, bytes: Buffer): Promise<void> {
  const unfinished = `${file}.${process.pid}.part`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(unfinished, bytes);
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw new ImageBuildError(`the archive cannot be written: ${(error as Error).message}; choose another --output`);
  }
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
