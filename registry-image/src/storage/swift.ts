import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { MultipartUpload } from './multipart-upload.ts';
import { openResumingReader } from './resuming-reader.ts';
import type {
  ByteRange,
  ObjectInfo,
  ObjectReader,
  RedirectOptions,
  StorageDriver,
  StorageKey,
  StoragePermissions,
  StorageUpload,
} from './storage-driver.ts';
import { readCapabilities, type SwiftCapabilities } from './swift-capabilities.ts';
import { SwiftContainer } from './swift-container.ts';
import { SWIFT_TIME_LIMITS, SwiftHttp, type SwiftTimeLimits } from './swift-http.ts';
import { SwiftIdentity } from './swift-identity.ts';
import { SwiftLargeObjects } from './swift-large-objects.ts';
import { SwiftMultipart } from './swift-multipart.ts';
import type { SwiftOptions } from './swift-options.ts';
import { SwiftTempUrl } from './swift-temp-url.ts';

const PERMISSIONS = {
  open: ['HEAD container', 'PUT container (when there is none yet)'],
  write: ['PUT object'],
  read: ['GET object'],
  stat: ['HEAD object'],
  statMissing: ['HEAD object'],
  list: ['GET container'],
  move: ['HEAD object', 'GET object', 'POST object', 'PUT object', 'DELETE object'],
  delete: ['HEAD object', 'DELETE object'],
  upload: ['GET object', 'HEAD object', 'PUT object', 'DELETE object'],
  cancel: ['GET container', 'HEAD object', 'DELETE object'],
  redirect: ['HEAD container', 'POST container (when it has no key for signed URLs yet)'],
} as const;

/** The parts of a dynamic large object come from a listing, which may lag: one that looks empty is looked at so often again. */
const EMPTY_CHECKS = 4;
const FIRST_EMPTY_CHECK_MS = 200;

/** Objects in a container of OpenStack Swift, in the layout of CNCF distribution 2. */
export class SwiftDriver implements StorageDriver {
  readonly name = 'swift';
  readonly resource: string;
  readonly permissions: StoragePermissions = PERMISSIONS;
  readonly redirectUrl?: (key: StorageKey, options: RedirectOptions) => Promise<URL>;
  readonly #http: SwiftHttp;
  readonly #container: SwiftContainer;
  readonly #objects: SwiftLargeObjects;
  readonly #multipart: SwiftMultipart;
  readonly #chunkBytes: number;

  private constructor(
    options: SwiftOptions,
    http: SwiftHttp,
    container: SwiftContainer,
    account: string,
    capabilities: SwiftCapabilities,
  ) {
    this.#http = http;
    this.#container = container;
    this.#objects = new SwiftLargeObjects(container);
    this.#multipart = new SwiftMultipart(container, this.#objects, capabilities);
    this.#chunkBytes = options.chunksize;
    this.resource = `swift://${account}/${container.name}/${container.nameOf('')}`;
    const tempUrl = new SwiftTempUrl(options, container, capabilities);
    if (tempUrl.isOffered) this.redirectUrl = (key, redirect) => tempUrl.sign(key, redirect);
  }

  /** @throws Error that says what to do when there is no token, or no container that can be used */
  static async open(options: SwiftOptions, limits: SwiftTimeLimits = SWIFT_TIME_LIMITS): Promise<SwiftDriver> {
    const http = new SwiftHttp({ verify: !options.insecureskipverify, limits });
    try {
      const container = new SwiftContainer(options, http, new SwiftIdentity(options, http));
      const account = await container.account();
      const [capabilities] = await Promise.all([readCapabilities(http, account.url), createIfMissing(container)]);
      return new SwiftDriver(options, http, container, account.name, capabilities);
    } catch (error) {
      await http.close();
      throw error;
    }
  }

  async read(key: StorageKey, range?: ByteRange): Promise<ObjectReader> {
    return openResumingReader(({ start, end }) => this.#openRange(key, start, end), range, this.#http.limits.idleMs);
  }

  async write(key: StorageKey, bytes: Uint8Array): Promise<void> {
    await this.#multipart.put(key, bytes);
  }

  async stat(key: StorageKey): Promise<ObjectInfo> {
    const { size, modifiedAt } = await untilFilled(
      () => this.#objects.stat(key),
      (object) => object.kind === 'dynamic' && object.size === 0,
    );
    return { key, size, modifiedAt };
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    for await (const { name, bytes, modifiedAt } of this.#container.list(this.#container.nameOf(prefix))) {
      // Consoles and synchronisation tools mark folders with such objects; no key of ours is one.
      if (name.endsWith('/')) continue;
      const key = this.#container.keyOf(name);
      if (bytes > 0) yield { key, size: bytes, modifiedAt };
      else {
        // A dynamic large object has no size in listings.
        const object = await this.#objects.find(key);
        if (object !== undefined) yield { key, size: object.size, modifiedAt };
      }
    }
  }

  async move(from: StorageKey, to: StorageKey): Promise<void> {
    await this.#objects.move(from, to);
  }

  async delete(key: StorageKey): Promise<void> {
    await this.#objects.remove(key);
  }

  async openUpload(key: StorageKey): Promise<StorageUpload> {
    return MultipartUpload.open(this.#multipart, key, this.#chunkBytes);
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  async #openRange(key: StorageKey, start: number, end?: number): Promise<Readable> {
    const headers = start === 0 && end === undefined ? {} : { range: `bytes=${start}-${end ?? ''}` };
    const answer = await untilFilled(
      () => this.#container.openObject(key, headers),
      ({ headers: told }) => told['x-object-manifest'] !== undefined && told['content-length'] === '0',
    );
    // The range starts behind the end.
    return 'stream' in answer ? answer.stream : Readable.from([], { objectMode: false });
  }
}

/** Looks again at what seems to be empty, for a while. */
async function untilFilled<T>(look: () => Promise<T>, isEmpty: (found: T) => boolean): Promise<T> {
  let found = await look();
  for (let check = 0; check < EMPTY_CHECKS && isEmpty(found); check += 1) {
    await sleep(FIRST_EMPTY_CHECK_MS * 2 ** check);
    found = await look();
  }
  return found;
}

async function createIfMissing(container: SwiftContainer): Promise<void> {
  const { status } = await container.request('HEAD container', '', { accept: [404] });
  if (status === 404) await container.request('PUT container', '');
}
