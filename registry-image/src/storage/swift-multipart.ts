import { createHash, randomBytes } from 'node:crypto';
import type { MultipartBackend, PartLimits, SentPart } from './multipart-backend.ts';
import { ObjectNotFoundError, type StorageKey } from './storage-driver.ts';
import type { SwiftCapabilities } from './swift-capabilities.ts';
import { BYTES, NEWEST, type SwiftContainer } from './swift-container.ts';
import type { SwiftLargeObjects } from './swift-large-objects.ts';

/** As small as CNCF distribution allows them. */
const MIN_PART_BYTES = 1024 ** 2;

const PART_DIGITS = 8;

/**
 * Manifests that the manifest of an object may have in place of parts. Swift takes ten times the parts of one manifest into its hands
 * when it deletes an object, and no more: https://docs.openstack.org/swift/latest/overview_large_objects.html
 */
const MAX_MANIFESTS = 9;

/**
 * Uploads as static large objects. A part lies at `segments/<key of the upload>/<random>/<number>` and stays there when the object is
 * moved, which changes the manifest only.
 */
export class SwiftMultipart implements MultipartBackend {
  readonly limits: PartLimits;
  readonly #container: SwiftContainer;
  readonly #objects: SwiftLargeObjects;
  readonly #partsOfManifest: number;

  constructor(container: SwiftContainer, objects: SwiftLargeObjects, capabilities: SwiftCapabilities) {
    const { maxObjectBytes, maxManifestSegments } = capabilities;
    this.limits = {
      minBytes: MIN_PART_BYTES,
      maxBytes: maxObjectBytes,
      maxParts: maxManifestSegments * Math.min(MAX_MANIFESTS, maxManifestSegments),
    };
    this.#container = container;
    this.#objects = objects;
    this.#partsOfManifest = maxManifestSegments;
  }

  async begin(): Promise<string> {
    return randomBytes(8).toString('hex');
  }

  async sendPart(key: StorageKey, uploadId: string, number: number, bytes: Uint8Array): Promise<string> {
    const etag = createHash('md5').update(bytes).digest('hex');
    // Swift refuses bytes that do not have it.
    await this.#container.request('PUT object', this.#partName(key, uploadId, number), {
      headers: { ...BYTES, etag },
      body: bytes,
    });
    return etag;
  }

  async complete(key: StorageKey, uploadId: string, parts: readonly SentPart[]): Promise<void> {
    const container = this.#container.name;
    const named = parts.map((part, index) => ({ ...part, container, name: this.#partName(key, uploadId, index + 1) }));
    if (named.length <= this.#partsOfManifest) {
      await this.#objects.putManifest(this.#container.nameOf(key), named);
      return;
    }
    const manifests = [];
    for (let first = 0; first < named.length; first += this.#partsOfManifest) {
      const name = `${this.#directory(key, uploadId)}manifest-${first / this.#partsOfManifest + 1}`;
      const group = named.slice(first, first + this.#partsOfManifest);
      await this.#objects.putManifest(name, group);
      manifests.push({ container, name, size: totalSize(group), etag: etagOfManifest(group) });
    }
    await this.#objects.putManifest(this.#container.nameOf(key), manifests);
  }

  async abort(key: StorageKey, uploadId: string): Promise<void> {
    await this.#objects.removeSegments(this.#directory(key, uploadId), PART_DIGITS);
  }

  async put(key: StorageKey, body: Uint8Array): Promise<void> {
    await this.#container.requestObject('PUT object', key, { headers: BYTES, body });
  }

  async get(key: StorageKey): Promise<Buffer | undefined> {
    try {
      return (await this.#container.requestObject('GET object', key, { headers: NEWEST })).body;
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return undefined;
      throw error;
    }
  }

  async sizeOf(key: StorageKey): Promise<number | undefined> {
    return (await this.#objects.find(key))?.size;
  }

  async remove(key: StorageKey): Promise<void> {
    await this.#objects.remove(key);
  }

  #directory(key: StorageKey, uploadId: string): string {
    return this.#container.segmentName(`${key}/${uploadId}/`);
  }

  #partName(key: StorageKey, uploadId: string, number: number): string {
    return this.#directory(key, uploadId) + String(number).padStart(PART_DIGITS, '0');
  }
}

function totalSize(parts: readonly SentPart[]): number {
  return parts.reduce((sum, { size }) => sum + size, 0);
}

/** https://docs.openstack.org/swift/latest/middleware.html#static-large-objects */
function etagOfManifest(parts: readonly SentPart[]): string {
  return createHash('md5')
    .update(parts.map(({ etag }) => etag).join(''))
    .digest('hex');
}
