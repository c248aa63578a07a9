import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { UPLOADS_PREFIX } from './key-layout.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { copyObject } from './s3-copy.ts';
import type { S3Multipart } from './s3-multipart.ts';
import { type ByteRange, ObjectNotFoundError, type StorageDriver, type StorageKey } from './storage-driver.ts';

/** What is tried with: a driver and its parts. */
export interface S3Parts {
  readonly driver: StorageDriver;
  readonly bucket: S3Bucket;
  readonly multipart: S3Multipart;
}

interface Capability {
  /** What a store has to do, as the end of "it does not …". */
  readonly name: string;
  readonly remedy?: string;
  run(probe: Probe): Promise<void>;
}

/** How often a list is asked again for what was just written. */
const LISTS = 10;
const PAUSE_BETWEEN_LISTS_MS = 200;

/** Each keeps to objects of its own beside the one that was written first, so that they can be tried side by side. */
const CAPABILITIES: readonly Capability[] = [
  {
    name: 'give back a range of what was written',
    run: (probe) => probe.expectBytes('object', { start: 10, end: 19 }),
  },
  { name: 'list what was written within two seconds', run: (probe) => probe.expectListed('object') },
  {
    name: 'copy objects',
    run: async (probe) => {
      await probe.copy('object', 'copy', Number.POSITIVE_INFINITY);
      await probe.expectBytes('copy');
    },
  },
  {
    name: 'copy objects in parts (UploadPartCopy)',
    remedy: 'set multipartcopythresholdsize to 5368709120, if no layer is larger',
    run: async (probe) => {
      await probe.copy('object', 'copy-in-parts', 0);
      await probe.expectBytes('copy-in-parts');
    },
  },
  {
    name: 'put parts together to what they were (multipart uploads)',
    run: async (probe) => {
      await probe.upload('upload');
      await probe.expectBytes('upload');
    },
  },
  {
    name: 'say that an object does not exist (404)',
    run: (probe) => probe.expectMissing('missing'),
  },
];

/**
 * Tries, on objects of its own, whether a store that speaks the protocol of S3 does so in all that a registry needs: there are
 * stores that answer with other bytes than were asked for. About 20 small requests, most of them side by side. What the identity
 * may not do is passed over: it is named when it is needed, and by `doctor storage`.
 *
 * @throws Error that names everything that the store does not do
 */
export async function probeCapabilities(parts: S3Parts): Promise<void> {
  const probe = new Probe(parts);
  try {
    if (!(await probe.write('object'))) return;
    const faults = await Promise.all(
      CAPABILITIES.map(async ({ name, remedy, run }) => {
        try {
          await run(probe);
          return [];
        } catch (error) {
          if (isRefusal(error)) return [];
          return [`it does not ${name}: ${(error as Error).message}${remedy === undefined ? '' : ` (${remedy})`}`];
        }
      }),
    );
    if (faults.flat().length > 0) {
      throw new Error(`the store does not do what a registry needs:\n  ${faults.flat().join('\n  ')}`);
    }
  } finally {
    await probe.removeAll();
  }
}

class Probe {
  readonly #prefix = `${UPLOADS_PREFIX}_probe-${randomBytes(6).toString('hex')}/`;
  readonly #bytes = randomBytes(64);
  readonly #parts: S3Parts;
  readonly #written: StorageKey[] = [];

  constructor(parts: S3Parts) {
    this.#parts = parts;
  }

  /** @returns false when the identity may not */
  async write(name: string): Promise<boolean> {
    try {
      await this.#parts.driver.write(this.#key(name), this.#bytes);
      return true;
    } catch (error) {
      if (isRefusal(error)) return false;
      throw error;
    }
  }

  async copy(from: string, to: string, maxBytes: number): Promise<void> {
    const limits = { maxBytes, partBytes: this.#bytes.byteLength, concurrency: 1 };
    await copyObject(this.#parts.bucket, this.#key(from), this.#key(to), this.#bytes.byteLength, limits);
  }

  async upload(name: string): Promise<void> {
    const key = this.#key(name);
    const { multipart } = this.#parts;
    const uploadId = await multipart.begin(key);
    try {
      const etag = await multipart.sendPart(key, uploadId, 1, this.#bytes);
      await multipart.complete(key, uploadId, [{ size: this.#bytes.byteLength, etag }]);
    } catch (error) {
      await multipart.abort(key, uploadId).catch(() => {});
      throw error;
    }
  }

  async expectBytes(name: string, range?: ByteRange): Promise<void> {
    const found = await buffer(await this.#parts.driver.read(this.#key(name), range));
    const expected = range === undefined ? this.#bytes : this.#bytes.subarray(range.start, range.end + 1);
    if (!found.equals(expected)) {
      throw new Error(`${found.byteLength} bytes came, which are not the ${expected.byteLength} that were written`);
    }
  }

  async expectListed(name: string): Promise<void> {
    const key = this.#key(name);
    for (let list = 1; list <= LISTS; list++) {
      for await (const object of this.#parts.driver.list(this.#prefix)) {
        if (object.key !== key) continue;
        if (object.size === this.#bytes.byteLength) return;
        throw new Error(`the list gives it ${object.size} bytes in place of ${this.#bytes.byteLength}`);
      }
      await sleep(PAUSE_BETWEEN_LISTS_MS);
    }
    throw new Error('the list does not have it');
  }

  async expectMissing(name: string): Promise<void> {
    const found = await this.#parts.driver.stat(this.#key(name)).catch((error: unknown) => error);
    if (found instanceof ObjectNotFoundError) return;
    throw found instanceof Error ? found : new Error('it says that there is one');
  }

  /** Leaves what cannot be removed: it is where abandoned uploads are, and purged as they are. */
  async removeAll(): Promise<void> {
    await Promise.all(this.#written.map((key) => this.#parts.driver.delete(key).catch(() => {})));
  }

  #key(name: string): StorageKey {
    const key = this.#prefix + name;
    if (!this.#written.includes(key)) this.#written.push(key);
    return key;
  }
}

function isRefusal(error: unknown): boolean {
  const cause = (error as Error).cause ?? error;
  return (cause as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 403;
}
