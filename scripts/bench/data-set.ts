import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { REPOSITORIES_PREFIX, UPLOADS_PREFIX } from '../../registry-image/src/storage/key-layout.ts';
import { type Payload, payloadOf, uniquePayload } from './payload.ts';
import { StorageWriter } from './storage-writer.ts';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

export const IMAGE = 'bench/image';
export const MANY_TAGS = 'bench/tags';
/** Repositories that runs push to are below it, and removed afterwards. */
export const PUSHED = 'pushed';

export const TAGS = 10_000;
export const REPOSITORIES = 5_000;

/** Layers of the image, each of which is pulled on its own too. */
const LAYER_SIZES = { '1kib': KIB, '1mib': MIB, '512mib': 512 * MIB } as const;

export type LayerName = keyof typeof LAYER_SIZES;

/** What servers are asked for; the same for all of them. */
export interface DataSet {
  /** Root of the filesystem driver. */
  readonly directory: string;
  readonly manifestDigest: string;
  readonly layers: Readonly<Record<LayerName, string>>;
  /** Digests of all blobs. */
  readonly blobs: readonly string[];
}

/** Changes when what is written below changes. */
const VERSION = 2;

/**
 * Writes a directory in distribution's layout, once: an image, a repository with 10,000 tags, and 5,000 repositories, each with the
 * `_layers` folder without which distribution does not list it. Every server of a run works on this one directory, so that none has
 * a fresher disk than another.
 */
export function prepareDataSet(directory: string): { readonly dataSet: DataSet; readonly written: boolean } {
  const description = path.join(directory, 'data-set.json');
  const known = existsSync(description) ? readDescription(description) : undefined;
  if (known?.version === VERSION) {
    removeLeftovers(directory, known.dataSet.blobs);
    return { dataSet: { ...known.dataSet, directory }, written: false };
  }
  rmSync(directory, { recursive: true, force: true });
  const dataSet = writeDataSet(directory);
  writeFileSync(description, JSON.stringify({ version: VERSION, dataSet }));
  return { dataSet, written: true };
}

function readDescription(file: string): { version: number; dataSet: DataSet } {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function writeDataSet(directory: string): DataSet {
  const storage = new StorageWriter(directory);
  const layers = Object.entries(LAYER_SIZES).map(([name, size]) => [name, uniquePayload(size)] as const);
  const config = payloadOf(Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {} })));
  const manifest = payloadOf(
    manifestOf(
      config,
      layers.map(([, layer]) => layer),
    ),
  );
  const blobs = [config, manifest, ...layers.map(([, layer]) => layer)];
  for (const blob of blobs) storage.blob(blob);

  for (const blob of [config, ...layers.map(([, layer]) => layer)]) storage.layerLink(IMAGE, blob.digest);
  storage.manifest(IMAGE, manifest.digest, ['latest']);

  storage.layerLink(MANY_TAGS, config.digest);
  storage.manifest(MANY_TAGS, manifest.digest, numbered('v', TAGS));

  for (const name of numbered('catalog/project-', REPOSITORIES)) {
    storage.layerLink(name, config.digest);
    storage.manifest(name, manifest.digest, ['latest']);
  }
  return {
    directory,
    manifestDigest: manifest.digest,
    blobs: blobs.map(({ digest }) => digest),
    layers: Object.fromEntries(layers.map(([name, { digest }]) => [name, digest])) as DataSet['layers'],
  };
}

/** Removes the bytes of what was pushed, beneath servers that run: nothing asks for them again. */
export function removeBlobs(directory: string, digests: readonly string[]): void {
  const storage = new StorageWriter(directory);
  for (const digest of digests) storage.removeBlob(digest);
}

/** Removes all that an earlier run has pushed and left. No server runs. */
function removeLeftovers(directory: string, blobs: readonly string[]): void {
  const storage = new StorageWriter(directory);
  rmSync(path.join(directory, REPOSITORIES_PREFIX, PUSHED), { recursive: true, force: true });
  rmSync(path.join(directory, UPLOADS_PREFIX), { recursive: true, force: true });
  for (const digest of storage.blobs()) if (!blobs.includes(digest)) storage.removeBlob(digest);
}

/** An OCI manifest with the annotations of a usual build. */
function manifestOf(config: Payload, layers: readonly Payload[]): Buffer {
  const descriptor = (mediaType: string, { digest, size }: Payload) => ({
    mediaType: `application/vnd.oci.image.${mediaType}`,
    digest,
    size,
  });
  const annotations = {
    created: '2026-01-01T00:00:00Z',
    authors: 'Platform Team <platform@example.com>',
    url: 'https://gitlab.example.com/group/project',
    documentation: 'https://gitlab.example.com/group/project/-/blob/main/README.md',
    source: 'https://gitlab.example.com/group/project.git',
    version: '1.0.0',
    revision: '0123456789abcdef0123456789abcdef01234567',
    title: 'project',
  };
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor('config.v1+json', config),
      layers: layers.map((layer) => descriptor('layer.v1.tar+gzip', layer)),
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([name, value]) => [`org.opencontainers.image.${name}`, value]),
      ),
    }),
  );
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(5, '0')}`);
}
