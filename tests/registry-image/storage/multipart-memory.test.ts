import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { MultipartBackend, SentPart } from '../../../registry-image/src/storage/multipart-backend.ts';
import { MultipartMemory } from '../../../registry-image/src/storage/multipart-memory.ts';
import { MultipartUpload } from '../../../registry-image/src/storage/multipart-upload.ts';

const KIB = 1024;
const PART = 64 * KIB;

/** A store in memory that takes its time for each part, and knows how many bytes were on their way to it at the same time. */
class SlowStore implements MultipartBackend {
  readonly limits = { minBytes: PART, maxBytes: 10 * PART, maxParts: 1000 };
  readonly objects = new Map<string, Buffer>();
  mostInFlight = 0;
  readonly mostOfOneUpload = new Map<string, number>();
  readonly #delayMs: (key: string) => number | undefined;
  readonly #parts = new Map<string, Buffer[]>();
  readonly #inFlight = new Map<string, number>();

  /** @param delayMs of each part of an upload; `undefined`: it never ends */
  constructor(delayMs: (key: string) => number | undefined = () => 3) {
    this.#delayMs = delayMs;
  }

  async begin(key: string): Promise<string> {
    this.#parts.set(key, []);
    return key;
  }

  async sendPart(key: string, uploadId: string, number: number, bytes: Uint8Array): Promise<string> {
    this.#count(key, bytes.byteLength);
    const delay = this.#delayMs(key);
    await (delay === undefined ? new Promise(() => {}) : sleep(delay));
    (this.#parts.get(uploadId) as Buffer[])[number - 1] = Buffer.from(bytes);
    this.#count(key, -bytes.byteLength);
    return String(number);
  }

  #count(key: string, bytes: number): void {
    const ofUpload = (this.#inFlight.get(key) ?? 0) + bytes;
    this.#inFlight.set(key, ofUpload);
    this.mostOfOneUpload.set(key, Math.max(this.mostOfOneUpload.get(key) ?? 0, ofUpload));
    const all = [...this.#inFlight.values()].reduce((sum, each) => sum + each, 0);
    this.mostInFlight = Math.max(this.mostInFlight, all);
  }

  async complete(key: string, uploadId: string, _parts: readonly SentPart[]): Promise<void> {
    this.objects.set(key, Buffer.concat(this.#parts.get(uploadId) as Buffer[]));
  }

  async abort(): Promise<void> {}

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.objects.set(key, Buffer.from(bytes));
  }

  async get(key: string): Promise<Buffer | undefined> {
    return this.objects.get(key);
  }

  async sizeOf(key: string): Promise<number | undefined> {
    return this.objects.get(key)?.byteLength;
  }

  async remove(key: string): Promise<void> {
    this.objects.delete(key);
  }
}

async function* inPieces(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += 16 * KIB) yield bytes.subarray(start, start + 16 * KIB);
}

async function push(store: SlowStore, key: string, bytes: Buffer, memory: MultipartMemory): Promise<void> {
  const upload = await MultipartUpload.open(store, key, PART, memory);
  await upload.append(inPieces(bytes), { last: true });
  await upload.complete();
}

const keys = Array.from({ length: 20 }, (_, index) => `upload-${index}`);

test('one upload has several parts under way', async () => {
  const store = new SlowStore();
  const memory = new MultipartMemory(3 * PART);
  await push(store, 'alone', randomBytes(12 * PART), memory);
  expect(store.mostInFlight).toBe(3 * PART);
  // Nothing of it is kept.
  expect(memory.tryTake(3 * PART)).toBe(true);
});

test('parts that have grown are fewer under way, so that a layer of any size needs little more memory', async () => {
  const store = new SlowStore(() => 1);
  // A hundred parts of each size, up to three times the first one.
  const bytes = randomBytes((100 + 200 + 300) * PART);
  await push(store, 'large', bytes, new MultipartMemory(100 * PART));
  expect(store.objects.get('large')?.equals(bytes)).toBe(true);
  expect(store.mostInFlight).toBeGreaterThan(3 * PART);
  expect(store.mostInFlight).toBeLessThanOrEqual((3 + 3) * PART);
});

test.each([0, 4])('twenty uploads hold a part each, and %d more', async (more) => {
  const store = new SlowStore();
  const memory = new MultipartMemory(more * PART);
  const contents = keys.map(() => randomBytes(10 * PART + 7));
  await Promise.all(keys.map((key, index) => push(store, key, contents[index] as Buffer, memory)));
  // A part that is gathered is held, but not yet sent.
  expect(store.mostInFlight).toBeGreaterThan(10 * PART);
  expect(store.mostInFlight).toBeLessThanOrEqual((keys.length + more) * PART);
  for (const [index, key] of keys.entries())
    expect(store.objects.get(key)?.equals(contents[index] as Buffer)).toBe(true);
  expect(memory.tryTake(more * PART)).toBe(true);
});

test('without shared memory an upload sends one part after the other, and none twice', async () => {
  const store = new SlowStore();
  const bytes = randomBytes(10 * PART);
  await push(store, 'alone', bytes, new MultipartMemory(0));
  expect(store.mostOfOneUpload.get('alone')).toBe(PART);
  expect(store.objects.get('alone')?.equals(bytes)).toBe(true);
});

test('uploads whose store has stopped answering do not hold up the others', async () => {
  const store = new SlowStore((key) => (key.startsWith('stuck') ? undefined : 1));
  const memory = new MultipartMemory(2 * PART);
  for (const key of ['stuck-1', 'stuck-2', 'stuck-3']) void push(store, key, randomBytes(10 * PART), memory);
  await sleep(20);
  expect(memory.tryTake(PART)).toBe(false);
  const bytes = randomBytes(10 * PART);
  await push(store, 'alive', bytes, memory);
  expect(store.objects.get('alive')?.equals(bytes)).toBe(true);
});

test('an upload that fails gives back what it held', async () => {
  const store = new SlowStore(() => 1);
  const failing = Object.assign(store, {
    sendPart: async () => {
      await sleep(1);
      throw new Error('the store has failed');
    },
  });
  const memory = new MultipartMemory(3 * PART);
  await expect(push(failing, 'failing', randomBytes(10 * PART), memory)).rejects.toThrow('the store has failed');
  expect(memory.tryTake(3 * PART)).toBe(true);
});

test('an upload whose client has vanished gives back what it held', async () => {
  const store = new SlowStore();
  const memory = new MultipartMemory(3 * PART);
  const upload = await MultipartUpload.open(store, 'vanished', PART, memory);
  const source = (async function* () {
    yield* inPieces(randomBytes(5 * PART + 100));
    throw new Error('the client is gone');
  })();
  await expect(upload.append(source)).rejects.toThrow('the client is gone');
  expect(upload.size).toBe(5 * PART + 100);
  expect(memory.tryTake(3 * PART)).toBe(true);
});
