import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

/** https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md and https://distribution.github.io/distribution/spec/manifest-v2-2/ */
export const MEDIA_TYPES = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociForeignLayer: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  octetStream: 'application/octet-stream',
} as const;

export type Algorithm = 'sha256' | 'sha512';

/** Bytes by their digest: a blob or a manifest. */
export interface Content {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly mediaType: string;
}

/** A manifest with all it refers to: blobs, and the manifests of an index. */
export interface Image {
  readonly manifest: Content;
  readonly blobs: readonly Content[];
  readonly children: readonly Image[];
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [more: string]: unknown;
}

export function digestOf(bytes: Uint8Array, algorithm: Algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

export function content(bytes: Buffer, mediaType: string, algorithm: Algorithm = 'sha256'): Content {
  return { bytes, mediaType, digest: digestOf(bytes, algorithm) };
}

/** A blob of random bytes, unlike any other. @param size in bytes */
export function randomBlob(size = 512, algorithm: Algorithm = 'sha256'): Content {
  return content(randomBytes(size), MEDIA_TYPES.octetStream, algorithm);
}

export function descriptor({ mediaType, digest, bytes }: Content, more: Record<string, unknown> = {}): Descriptor {
  return { mediaType, digest, size: bytes.length, ...more };
}

/** A manifest of any shape; keys whose value is `undefined` are left out, as JSON does. */
export function manifest(mediaType: string, fields: Readonly<Record<string, unknown>>, algorithm?: Algorithm): Content {
  return content(Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields })), mediaType, algorithm);
}

export interface ImageOptions {
  /** Media types of the Open Container Initiative, or Docker's schema 2. @default 'oci' */
  readonly format?: 'oci' | 'docker';
  /** @default 'amd64' */
  readonly architecture?: string;
  /** @default 2 */
  readonly layers?: number;
  /** Bytes of random data in each layer. @default 1024 */
  readonly layerSize?: number;
  /** @default 'sha256' */
  readonly algorithm?: Algorithm;
  /** Further fields of the manifest: annotations, subject, artifactType. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** An image that container clients accept: real layers with a random file in each, and a config that fits them. */
export function image(options: ImageOptions = {}): Image {
  const { format = 'oci', architecture = 'amd64', algorithm } = options;
  const types =
    format === 'oci'
      ? { manifest: MEDIA_TYPES.ociManifest, config: MEDIA_TYPES.ociConfig, layer: MEDIA_TYPES.ociLayer }
      : { manifest: MEDIA_TYPES.dockerManifest, config: MEDIA_TYPES.dockerConfig, layer: MEDIA_TYPES.dockerLayer };
  const archives = Array.from({ length: options.layers ?? 2 }, (_, index) =>
    tarFile(`file-${index}`, randomBytes(options.layerSize ?? 1024)),
  );
  const layers = archives.map((archive) => content(gzipSync(archive), types.layer, algorithm));
  const config = content(
    Buffer.from(
      JSON.stringify({
        architecture,
        os: 'linux',
        config: { Cmd: ['/file-0'] },
        rootfs: { type: 'layers', diff_ids: archives.map((archive) => digestOf(archive)) },
        history: archives.map(() => ({ created: '2024-01-01T00:00:00Z', created_by: 'test' })),
      }),
    ),
    types.config,
    algorithm,
  );
  const fields = { config: descriptor(config), layers: layers.map((layer) => descriptor(layer)), ...options.fields };
  return { manifest: manifest(types.manifest, fields, algorithm), blobs: [config, ...layers], children: [] };
}

/** An index, or Docker's manifest list, of images for one architecture each. */
export function index(children: readonly Image[], options: ImageOptions = {}): Image {
  const { format = 'oci', algorithm, fields } = options;
  const architectures = ['amd64', 'arm64', 's390x', 'riscv64'];
  const manifests = children.map((child, position) =>
    descriptor(child.manifest, { platform: { os: 'linux', architecture: architectures[position] ?? 'ppc64le' } }),
  );
  const mediaType = format === 'oci' ? MEDIA_TYPES.ociIndex : MEDIA_TYPES.dockerList;
  return { manifest: manifest(mediaType, { manifests, ...fields }, algorithm), blobs: [], children };
}

/** An image for two architectures. */
export function multiArchitectureImage(options: ImageOptions = {}): Image {
  return index([image({ ...options, architecture: 'amd64' }), image({ ...options, architecture: 'arm64' })], {
    ...(options.format === undefined ? {} : { format: options.format }),
    ...(options.algorithm === undefined ? {} : { algorithm: options.algorithm }),
  });
}

/** https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidance-for-an-empty-descriptor */
export const EMPTY_JSON = content(Buffer.from('{}'), MEDIA_TYPES.ociEmpty);

/** An artifact, such as a signature, that refers to a subject: an image manifest with an artifactType and an empty config. */
export function artifact(
  subject: Content | Descriptor,
  artifactType: string,
  fields: Readonly<Record<string, unknown>> = {},
): Image {
  const payload = randomBlob(64);
  const subjectDescriptor = 'bytes' in subject ? descriptor(subject as Content) : subject;
  return {
    manifest: manifest(MEDIA_TYPES.ociManifest, {
      artifactType,
      config: descriptor(EMPTY_JSON),
      layers: [descriptor(payload)],
      subject: subjectDescriptor,
      ...fields,
    }),
    blobs: [EMPTY_JSON, payload],
    children: [],
  };
}

/** Writes an image as an OCI layout (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md). */
export function writeOciLayout(directory: string, layoutImage: Image, tag: string): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  const manifests = [descriptor(layoutImage.manifest, { annotations })];
  writeFileSync(path.join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  writeContents(directory, layoutImage);
}

function writeContents(directory: string, { manifest: own, blobs, children }: Image): void {
  for (const { digest, bytes } of [own, ...blobs]) {
    const [algorithm, hex] = digest.split(':') as [string, string];
    mkdirSync(path.join(directory, 'blobs', algorithm), { recursive: true });
    writeFileSync(path.join(directory, 'blobs', algorithm, hex), bytes);
  }
  for (const child of children) writeContents(directory, child);
}

const TAR_BLOCK = 512;

/** A tar archive with one file (https://www.gnu.org/software/tar/manual/html_node/Standard.html). */
function tarFile(name: string, data: Buffer): Buffer {
  const header = Buffer.alloc(TAR_BLOCK);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(name, 0);
  header.write(octal(0o755, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(data.length, 11), 124);
  header.write(octal(0, 11), 136);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${octal(checksum, 6)} `, 148);
  const padding = Buffer.alloc((TAR_BLOCK - (data.length % TAR_BLOCK)) % TAR_BLOCK);
  return Buffer.concat([header, data, padding, Buffer.alloc(2 * TAR_BLOCK)]);
}
