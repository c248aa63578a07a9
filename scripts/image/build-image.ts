import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeAppFolder } from './app-folder.ts';
import { baseLayer } from './base-layer.ts';
import type { DebianPackageFile } from './debian-packages.ts';
import { ImageBuildError } from './image-build-error.ts';
import { imageConfig, platformOf } from './image-config.ts';
import { findPackage } from './installed-package.ts';
import { buildLayer, entriesOfFolder } from './layer.ts';
import { type Architecture, hostArchitecture } from './native-packages.ts';
import { type WrittenArchive, writeArchive } from './oci-archive.ts';
import type { Progress } from './progress.ts';
import { REPOSITORY } from './repository.ts';
import type { TarEntry } from './tar.ts';

export interface ImageBuild extends WrittenArchive {
  /** Path of the archive. */
  readonly archive: string;
  /** The name the image gets where the archive is loaded. */
  readonly name: string;
  readonly layers: readonly { name: string; digest: string; diffId: string; size: number; uncompressedSize: number }[];
  readonly seconds: number;
}

export interface ImageBuildOptions {
  /** Where the archive is written. */
  readonly output: string;
  /** Folder that keeps what the next build can use again. */
  readonly cache: string;
  readonly progress: Progress;
}

/**
 * Builds the image of the server for the processor of this machine, as a file, with no container engine.
 *
 * @throws {ImageBuildError} when something is missing on this machine
 */
export async function buildImage({ output, cache, progress }: ImageBuildOptions): Promise<ImageBuild> {
  const start = performance.now();
  const architecture = hostArchitecture();
  const time = buildTime();

  progress("fetching Debian's libraries");
  const base = await baseLayer({ cache, architecture, progress });
  progress('bundling the server');
  const app = await appEntries(architecture);
  const node = findPackage(`node-linux-${architecture}`);
  progress(`packing with Node ${node.version}`);
  const options = { cache, time };
  const layers = await Promise.all([
    buildLayer('Debian libraries', base.entries, options),
    buildLayer(`Node ${node.version}`, await nodeEntries(node.folder), options),
    buildLayer('packages with native code', app.filter(isDependency), options),
    buildLayer('server', [...app.filter((entry) => !isDependency(entry)), ...(await settings())], options),
  ]);

  const { name, labels } = await describe(base.packages, node.version);
  const config = imageConfig(layers, { architecture, labels, time });
  progress(`writing ${path.relative(process.cwd(), output)}`);
  const written = await writeArchive(output, { name, config, layers, platform: platformOf(architecture), time });
  return {
    archive: output,
    name,
    ...written,
    layers: layers.map(({ compressed, ...layer }) => ({ ...layer, size: compressed.length })),
    seconds: Math.round((performance.now() - start) / 100) / 10,
  };
}

/** The time of everything in the image: https://reproducible-builds.org/docs/source-date-epoch/, in seconds. @default 0 */
function buildTime(): Date {
  const seconds = process.env['SOURCE_DATE_EPOCH'] ?? '0';
  if (!/^\d{1,11}$/.test(seconds)) {
    throw new ImageBuildError(`SOURCE_DATE_EPOCH is ${seconds}; it must be a number of seconds since 1970, or not set`);
  }
  return new Date(Number(seconds) * 1000);
}

async function nodeEntries(folder: string): Promise<TarEntry[]> {
  return [
    { path: 'usr/local/bin/node', content: await readFile(path.join(folder, 'bin/node')), mode: 0o755 },
    { path: 'usr/share/doc/node/LICENSE', content: await readFile(path.join(folder, 'LICENSE')) },
  ];
}

async function appEntries(architecture: Architecture): Promise<TarEntry[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'registry-image-'));
  try {
    await writeAppFolder(folder, architecture);
    return entriesOfFolder(folder, 'app');
  } finally {
    await rm(folder, { recursive: true });
  }
}

function isDependency({ path: entryPath }: TarEntry): boolean {
  return entryPath.startsWith('app/node_modules/');
}

async function settings(): Promise<TarEntry[]> {
  const config = await readFile(path.join(REPOSITORY, 'registry-image/default-config.yml'));
  return [
    { path: 'etc/registry/config.yml', content: config },
    { path: 'usr/local/bin/registry', content: { linkTo: '/app/registry' } },
  ];
}

/** https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md */
async function describe(packages: readonly DebianPackageFile[], nodeVersion: string) {
  const read = async (file: string) => JSON.parse(await readFile(path.join(REPOSITORY, file), 'utf8'));
  const { name, version, license } = await read('package.json');
  const { description } = await read('registry-image/package.json');
  return {
    name: `localhost/${name}:${version}`,
    labels: {
      'org.opencontainers.image.title': name,
      'org.opencontainers.image.description': description,
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': license,
      'org.opencontainers.image.base.name': 'scratch',
      'io.nodejs.version': nodeVersion,
      'org.debian.packages': packages.map((found) => `${found.name}=${found.version}`).join(' '),
    },
  };
}
