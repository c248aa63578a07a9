import { createHash, randomBytes } from 'node:crypto';
import { UPLOADS_PREFIX } from './key-layout.ts';
import { ObjectNotFoundError, type ObjectReader, type StorageDriver, type StorageKey } from './storage-driver.ts';
import { probeRedirect } from './storage-probe-redirect.ts';
import { expectThat, type ProbeStep, type StepOutcome } from './storage-probe-step.ts';

export interface StorageProbeOptions {
  /** Why clients are never sent to signed URLs; left out when they are. */
  readonly redirectOff?: string;
  /** How long signed URLs are good for, in milliseconds. */
  readonly redirectExpiry: number;
  /** Signed URLs name an endpoint that is for clients, and may not be reachable from here. */
  readonly hasPublicEndpoint: boolean;
}

/** Bytes of one append of the upload: more than the smallest part of any store, so that each append is a part of its own. */
const PART_BYTES = 6 * 1024 ** 2;

/** Signatures and tokens carry times; S3 refuses requests that are off by 15 minutes, tokens of users live for five. */
const MAX_CLOCK_SKEW_MS = 60_000;

/** Stores tell times in whole seconds. */
const CLOCK_RESOLUTION_MS = 1000;

const MEBIBYTE = 1024 ** 2;

const NO_OBJECT: StepOutcome = { skipped: 'there is no object, because write failed' };

/**
 * Tries everything that the registry does with its storage, on objects of its own: below `uploads/`, where nobody takes them for
 * data and a bucket's lifecycle rule removes what a crash leaves. Works beside a running server.
 */
export class StorageProbe {
  /** In the order that they are to be run in; each also when another one has failed. */
  static readonly steps: readonly ProbeStep<StorageProbe>[] = [
    { action: 'write', operation: 'write', object: 'object', run: (probe) => probe.#write() },
    { action: 'list', operation: 'list', object: '', run: (probe) => probe.#list() },
    { action: 'stat', operation: 'stat', object: 'object', run: (probe) => probe.#stat() },
    { action: 'clock', operation: 'stat', object: 'object', run: (probe) => probe.#clock() },
    { action: 'stat-missing', operation: 'statMissing', object: 'missing', run: (probe) => probe.#statMissing() },
    { action: 'read', operation: 'read', object: 'object', run: (probe) => probe.#read() },
    { action: 'read-range', operation: 'read', object: 'object', run: (probe) => probe.#readRange() },
    { action: 'redirect', operation: 'redirect', object: 'object', run: (probe) => probe.#redirect() },
    { action: 'upload', operation: 'upload', object: 'upload/data', run: (probe) => probe.#upload() },
    { action: 'cancel', operation: 'cancel', object: 'cancelled/data', run: (probe) => probe.#cancel() },
    { action: 'move', operation: 'move', object: 'neighbour', run: (probe) => probe.#move() },
    { action: 'delete', operation: 'delete', object: 'object', run: (probe) => probe.#delete() },
    { action: 'clean-up', operation: 'delete', object: '', run: (probe) => probe.#cleanUp() },
  ];

  /** Everything that the probe creates is below it. */
  readonly prefix = `${UPLOADS_PREFIX}_doctor-${randomBytes(6).toString('hex')}/`;
  readonly #driver: StorageDriver;
  readonly #options: StorageProbeOptions;
  readonly #bytes = randomBytes(64 * 1024);
  /** When the object was written, in milliseconds since 1970: between these two. `undefined` until it is. */
  #written: { readonly after: number; readonly before: number } | undefined;
  /** Keys of uploads that may have parts in storage. */
  readonly #begun = new Set<StorageKey>();

  constructor(driver: StorageDriver, options: StorageProbeOptions) {
    this.#driver = driver;
    this.#options = options;
  }

  /** Removes what is left of the probe. @throws Error that names what could not be removed */
  async #cleanUp(): Promise<StepOutcome> {
    const left = new Set<StorageKey>();
    let failure: Error | undefined;
    const tryFor = async (key: StorageKey, remove: () => Promise<void>) => {
      await remove().catch((error: Error) => {
        left.add(key);
        failure ??= error;
      });
    };
    for (const key of this.#begun) await tryFor(key, async () => (await this.#driver.openUpload(key)).cancel());
    const objects = ['object', 'neighbour', 'moved', 'upload/data', 'cancelled/data'].map((name) => this.#key(name));
    const found = await this.#keys().catch(() => []);
    for (const key of new Set([...objects, ...found])) await tryFor(key, () => this.#driver.delete(key));
    if (failure === undefined) return {};
    throw new Error(
      `not all of ${[...left].join(', ')} could be removed (${failure.message}); remove them by hand, or let the lifecycle rule for ${UPLOADS_PREFIX} do it`,
      { cause: failure },
    );
  }

  #key(name: string): StorageKey {
    return `${this.prefix}${name}`;
  }

  async #write(): Promise<StepOutcome> {
    await this.#driver.write(this.#key('neighbour'), this.#bytes);
    const after = Date.now();
    await this.#driver.write(this.#key('object'), this.#bytes);
    this.#written = { after, before: Date.now() };
    return {};
  }

  async #list(): Promise<StepOutcome> {
    const keys = await this.#keys();
    if (this.#written === undefined)
      return { note: 'whether a new object is listed is not known, because write failed' };
    expectThat(
      keys.includes(this.#key('object')),
      'an object written a moment ago is not listed: the store shows changes late, and the registry needs one that shows them at once',
    );
    return { note: 'a new object is listed at once' };
  }

  async #stat(): Promise<StepOutcome> {
    if (this.#written === undefined) return NO_OBJECT;
    const { size } = await this.#driver.stat(this.#key('object'));
    expectThat(size === this.#bytes.length, `the object has ${size} bytes, ${this.#bytes.length} were written`);
    return {};
  }

  async #clock(): Promise<StepOutcome> {
    if (this.#written === undefined) return NO_OBJECT;
    const { after, before } = this.#written;
    const modified = (await this.#driver.stat(this.#key('object'))).modifiedAt.getTime();
    const behind = Math.max(0, after - CLOCK_RESOLUTION_MS - modified);
    const ahead = Math.max(0, modified - before - CLOCK_RESOLUTION_MS);
    const skew = Math.max(behind, ahead);
    const told = `the store's clock is ${(skew / 1000).toFixed(1)} s ${behind > 0 ? 'behind' : 'ahead of'} the one of this machine`;
    expectThat(skew <= MAX_CLOCK_SKEW_MS, `${told}; set this machine's by NTP (chrony, systemd-timesyncd)`);
    return skew === 0 ? {} : { note: told };
  }

  async #statMissing(): Promise<StepOutcome> {
    try {
      await this.#driver.stat(this.#key('missing'));
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return { note: 'an object that does not exist is said not to' };
      throw error;
    }
    throw new Error('an object that was never written is said to exist');
  }

  async #read(): Promise<StepOutcome> {
    if (this.#written === undefined) return NO_OBJECT;
    const read = await bytesOf(await this.#driver.read(this.#key('object')));
    expectThat(read.equals(this.#bytes), `${read.length} bytes came that are not the ${this.#bytes.length} written`);
    return {};
  }

  async #readRange(): Promise<StepOutcome> {
    if (this.#written === undefined) return NO_OBJECT;
    const range = { start: 1000, end: 20_999 };
    const read = await bytesOf(await this.#driver.read(this.#key('object'), range));
    const expected = this.#bytes.subarray(range.start, range.end + 1);
    expectThat(
      read.equals(expected),
      `${read.length} bytes came that are not bytes ${range.start} to ${range.end}: interrupted pulls cannot go on`,
    );
    return {};
  }

  async #redirect(): Promise<StepOutcome> {
    if (this.#written === undefined) return NO_OBJECT;
    const { redirectOff, redirectExpiry, hasPublicEndpoint } = this.#options;
    if (redirectOff !== undefined) return { skipped: redirectOff };
    const redirectUrl = this.#driver.redirectUrl?.bind(this.#driver);
    if (redirectUrl === undefined)
      return { skipped: 'this driver has no signed URLs: all bytes pass through the registry' };
    const sign = () => redirectUrl(this.#key('object'), { method: 'GET', expiresIn: redirectExpiry });
    return probeRedirect({ sign, bytes: this.#bytes, from: 'object', to: 'neighbour', hasPublicEndpoint });
  }

  /** Two parts, and a process that ends in between. */
  async #upload(): Promise<StepOutcome> {
    const key = this.#key('upload/data');
    const parts = [randomBytes(PART_BYTES), randomBytes(PART_BYTES)] as const;
    await this.#begin(key, parts[0]);
    const resumed = await this.#driver.openUpload(key);
    expectThat(
      resumed.size === PART_BYTES,
      `the upload goes on at byte ${resumed.size} when it is opened again, and ${PART_BYTES} had been sent`,
    );
    await resumed.append(once(parts[1]), { last: true });
    await resumed.complete();
    this.#begun.delete(key);
    const sent = createHash('sha256').update(parts[0]).update(parts[1]).digest('hex');
    const kept = createHash('sha256');
    for await (const chunk of await this.#driver.read(key)) kept.update(chunk);
    expectThat(kept.digest('hex') === sent, 'the bytes read back are not those that were uploaded');
    return { note: `2 parts of ${PART_BYTES / MEBIBYTE} MiB, opened again in between` };
  }

  async #begin(key: StorageKey, part: Buffer): Promise<void> {
    const upload = await this.#driver.openUpload(key);
    this.#begun.add(key);
    await upload.append(once(part));
    await upload.close();
  }

  async #cancel(): Promise<StepOutcome> {
    const key = this.#key('cancelled/data');
    try {
      await this.#begin(key, randomBytes(PART_BYTES));
    } catch {
      return { skipped: 'there is no upload to be cancelled, because none could be begun' };
    }
    await (await this.#driver.openUpload(key)).cancel();
    this.#begun.delete(key);
    const left = (await this.#keys()).filter((listed) => listed.startsWith(this.#key('cancelled/')));
    expectThat(left.length === 0, `${left.join(' and ')} is still there`);
    return {};
  }

  async #move(): Promise<StepOutcome> {
    if (this.#written === undefined) return NO_OBJECT;
    const [from, to] = [this.#key('neighbour'), this.#key('moved')];
    await this.#driver.move(from, to);
    const moved = await bytesOf(await this.#driver.read(to));
    expectThat(moved.equals(this.#bytes), 'the bytes at the target are not those of the source');
    expectThat(await this.#isGone(from), 'the source is still there');
    return {};
  }

  async #delete(): Promise<StepOutcome> {
    const key = this.#key('object');
    await this.#driver.delete(key);
    if (this.#written === undefined) return { note: 'of an object that does not exist, because write failed' };
    expectThat(await this.#isGone(key), 'the object is still there');
    return {};
  }

  async #isGone(key: StorageKey): Promise<boolean> {
    return !(await this.#keys()).includes(key);
  }

  async #keys(): Promise<StorageKey[]> {
    const keys: StorageKey[] = [];
    for await (const { key } of this.#driver.list(this.prefix)) keys.push(key);
    return keys;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function bytesOf(reader: ObjectReader): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of reader) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
