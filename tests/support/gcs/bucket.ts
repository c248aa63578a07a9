import { createHash } from 'node:crypto';
import { requirePermissions, type ServiceAccount } from './accounts.ts';
import { MultipartUploads } from './multipart-uploads.ts';
import { Refusal } from './refusal.ts';

export interface StoredObject {
  readonly name: string;
  readonly bytes: Buffer;
  /** Another one after every change: https://cloud.google.com/storage/docs/metadata#generation-number */
  readonly generation: string;
  readonly updated: Date;
  /** Left out for objects that were sent in parts, as they have none. */
  readonly md5: Buffer | undefined;
  readonly etag: string;
}

export interface BucketLimits {
  /** Names on a page of a listing, at most; the real one has 1000. */
  readonly pageSize: number;
  /** Bytes that one call of `rewrite` copies. */
  readonly bytesPerRewrite: number;
  /**
   * Whether writes of one object within a second are refused (https://cloud.google.com/storage/quotas#objects). The real one lets
   * short bursts pass.
   */
  readonly oneWritePerSecond: boolean;
}

/** A bucket with uniform access, in the memory of the test. */
export class Bucket {
  readonly name: string;
  readonly limits: BucketLimits;
  readonly uploads = new MultipartUploads();
  readonly #objects = new Map<string, StoredObject>();
  readonly #lastWrites = new Map<string, number>();
  #generation = BigInt(Date.now()) * 1000n;

  constructor(name: string, limits: BucketLimits) {
    this.name = name;
    this.limits = limits;
  }

  /** Names in the order of their UTF-8 bytes: https://cloud.google.com/storage/docs/json_api/v1/objects/list */
  names(): string[] {
    return [...this.#objects.keys()].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  }

  /**
   * Who may not list is not told whether an object exists.
   * https://cloud.google.com/storage/docs/xml-api/get-object
   */
  get(account: ServiceAccount, name: string): StoredObject {
    requirePermissions(account, 'storage.objects.get');
    return this.#existing(account, name);
  }

  /** Replacing an object needs the right to delete it: https://cloud.google.com/storage/docs/access-control/iam-xml */
  put(account: ServiceAccount, name: string, bytes: Buffer, sentInParts = false): StoredObject {
    requirePermissions(account, 'storage.objects.create');
    if (this.#objects.has(name)) requirePermissions(account, 'storage.objects.delete');
    this.#limitWrites(name);
    this.#generation += 1n;
    const md5 = sentInParts ? undefined : createHash('md5').update(bytes).digest();
    const generation = String(this.#generation);
    const etag = md5?.toString('hex') ?? `-${generation}`;
    const object = { name, bytes, generation, updated: new Date(), md5, etag };
    this.#objects.set(name, object);
    return object;
  }

  delete(account: ServiceAccount, name: string): void {
    requirePermissions(account, 'storage.objects.delete');
    this.#existing(account, name);
    this.#limitWrites(name);
    this.#objects.delete(name);
  }

  peek(name: string): StoredObject | undefined {
    return this.#objects.get(name);
  }

  #existing(account: ServiceAccount, name: string): StoredObject {
    const object = this.#objects.get(name);
    if (object !== undefined) return object;
    requirePermissions(account, 'storage.objects.list');
    throw new Refusal(404, 'notFound', 'NoSuchKey', `No such object: ${this.name}/${name}`);
  }

  #limitWrites(name: string): void {
    const now = performance.now();
    const last = this.#lastWrites.get(name) ?? Number.NEGATIVE_INFINITY;
    if (this.limits.oneWritePerSecond && now - last < 1000) {
      const message = `The object ${this.name}/${name} exceeded the rate limit for object mutation operations (create, update, and delete). Please reduce your request rate.`;
      throw new Refusal(429, 'rateLimitExceeded', 'SlowDown', message);
    }
    this.#lastWrites.set(name, now);
  }
}
