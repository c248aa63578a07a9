import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { CheckedDriver } from '../../../registry-image/src/storage/checked-driver.ts';
import {
  ObjectNotFoundError,
  type StorageDriver,
  type StorageKey,
} from '../../../registry-image/src/storage/storage-driver.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { readObject } from '../../support/read-object.ts';

/** What one test file gives the suite: a stand-in, and how to open a driver that reaches it through the fault proxy. */
export interface StoreUnderFault {
  /** URL of the stand-in. */
  readonly target: string;
  /** Bytes of the parts that the drivers are opened with: an upload of more is sent in parts. */
  readonly partBytes: number;
  /** What no message of an error may have: keys, passwords, the parameter of a signature. */
  readonly secrets: readonly string[];
  /** Opens a driver over the same objects each time, with time limits of less than a second. @param endpoint the stand-in, or the proxy before it */
  open(endpoint: string): Promise<StorageDriver>;
  stop(): Promise<void>;
}

/** Faults that happen to one call, and that the driver is to survive by calling again. */
const PASSING_FAULTS = [
  'status-500',
  'status-503',
  'reset',
  'reset-request',
  'lose-answer',
  'truncate',
  'stall',
] as const satisfies readonly Fault[];

const KIB = 1024;

/** Longer than the time limits that the drivers of this suite are opened with. */
const SLOW_CONSUMER_PAUSE_MS = 1200;

/** One member of the contract: what has to be there before, and that it did what it promises. */
interface Operation {
  readonly name: string;
  prepare?(key: StorageKey): Promise<void>;
  run(driver: StorageDriver, key: StorageKey): Promise<void>;
}

/** That a driver lives with a backend that fails: every call survives one failure, and a backend that stays down is reported. */
export function describeFaults(name: string, openStore: () => Promise<StoreUnderFault>): void {
  describe(`the ${name} driver, over a backend that fails,`, () => {
    let store: StoreUnderFault;
    let proxy: FaultProxy;
    let direct: StorageDriver;
    let driver: StorageDriver;

    beforeAll(async () => {
      store = await openStore();
      large = randomBytes(2 * store.partBytes + 100 * KIB);
      layer = large.subarray(0, store.partBytes + 100 * KIB);
      proxy = await startFaultProxy(store.target);
      direct = new CheckedDriver(await store.open(store.target));
      driver = new CheckedDriver(await store.open(proxy.url));
    });
    beforeEach(() => proxy.clear());
    afterAll(async () => {
      await driver?.close();
      await direct?.close();
      await proxy?.stop();
      await store?.stop();
    });

    const small = randomBytes(300 * KIB);
    /** Two parts, and some bytes. */
    let large: Buffer;
    /** A part, and some bytes: for what is done again and again. */
    let layer: Buffer;

    const readAll = async (from: StorageDriver, key: StorageKey) => readObject(await from.read(key));

    const keysBelow = async (from: StorageDriver, prefix: string) => {
      const keys = [];
      for await (const { key } of from.list(prefix)) keys.push(key);
      return keys.sort();
    };

    /** Without a diff, which for megabytes takes minutes. */
    const expectBytes = (actual: Buffer, expected: Buffer) => {
      expect(actual.byteLength).toBe(expected.byteLength);
      expect(actual.equals(expected)).toBe(true);
    };

    const beginUpload = async (key: StorageKey) => {
      const upload = await direct.openUpload(key);
      await upload.append(inPieces(layer.subarray(0, store.partBytes + 50 * KIB)));
      await upload.close();
    };

    const operations: readonly Operation[] = [
      {
        name: 'write',
        run: async (tested, key) => {
          await tested.write(key, small);
          expectBytes(await readAll(direct, key), small);
        },
      },
      {
        name: 'read',
        prepare: (key) => direct.write(key, small),
        run: async (tested, key) => expectBytes(await readAll(tested, key), small),
      },
      {
        name: 'read of a range',
        prepare: (key) => direct.write(key, small),
        run: async (tested, key) => {
          const part = await readObject(await tested.read(key, { start: 1000, end: 200_000 }));
          expectBytes(part, small.subarray(1000, 200_001));
        },
      },
      {
        name: 'stat',
        prepare: (key) => direct.write(key, small),
        run: async (tested, key) => {
          expect(await tested.stat(key)).toMatchObject({ key, size: small.byteLength });
        },
      },
      {
        name: 'stat of an object that does not exist',
        run: async (tested, key) => {
          const failure: unknown = await tested.stat(key).catch((error) => error);
          if (!(failure instanceof ObjectNotFoundError)) throw failure;
        },
      },
      {
        name: 'list',
        prepare: async (key) => {
          for (const object of ['one', 'two', 'three']) await direct.write(`${key}/${object}`, Buffer.from('x'));
        },
        run: async (tested, key) => {
          expect(await keysBelow(tested, `${key}/`)).toEqual([`${key}/one`, `${key}/three`, `${key}/two`]);
        },
      },
      {
        name: 'move',
        prepare: (key) => direct.write(`${key}/from`, small),
        run: async (tested, key) => {
          await tested.move(`${key}/from`, `${key}/to`);
          expectBytes(await readAll(direct, `${key}/to`), small);
          expect(await keysBelow(direct, `${key}/`)).toEqual([`${key}/to`]);
        },
      },
      {
        name: 'delete',
        prepare: (key) => direct.write(key, small),
        run: async (tested, key) => {
          await tested.delete(key);
          await expect(direct.stat(key)).rejects.toBeInstanceOf(ObjectNotFoundError);
        },
      },
      {
        name: 'a small upload',
        run: async (tested, key) => {
          const upload = await tested.openUpload(key);
          await upload.append(inPieces(small), { last: true });
          await upload.complete();
          expectBytes(await readAll(direct, key), small);
        },
      },
      {
        name: 'an upload in parts',
        run: async (tested, key) => {
          const source = inPieces(layer);
          const upload = await tested.openUpload(key);
          await upload.append(source, { last: true });
          expect(upload.size).toBe(layer.byteLength);
          await upload.complete();
          expectBytes(await readAll(direct, key), layer);
          expect(await keysBelow(direct, `${key.slice(0, key.lastIndexOf('/'))}/`)).toEqual([key]);
        },
      },
      {
        name: 'an upload that another process has begun',
        prepare: (key) => beginUpload(key),
        run: async (tested, key) => {
          const upload = await tested.openUpload(key);
          await upload.append(inPieces(layer.subarray(upload.size)), { last: true });
          await upload.complete();
          expectBytes(await readAll(direct, key), layer);
        },
      },
      {
        name: 'an upload that is cancelled',
        prepare: (key) => beginUpload(key),
        run: async (tested, key) => {
          await (await tested.openUpload(key)).cancel();
          expect(await keysBelow(direct, `${key.slice(0, key.lastIndexOf('/'))}/`)).toEqual([]);
        },
      },
    ];

    describe.each(operations)('$name', ({ prepare, run }) => {
      const freshKey = async () => {
        const key = `faults/${randomUUID()}/data`;
        await prepare?.(key);
        proxy.clear();
        return key;
      };

      test.each(PASSING_FAULTS)(
        'survives %s, on whichever of its calls that happens',
        async (fault) => {
          // Until there is no such call.
          for (let nth = 1, happened = true; happened; nth++) {
            const key = await freshKey();
            proxy.inject({ nth, fault });
            await run(driver, key);
            happened = proxy.requests.some((request) => request.fault !== undefined);
            expect(happened || nth > 1).toBe(true);
          }
        },
        120_000,
      );

      test.each<Fault>(['status-503', 'reset'])(
        'fails clearly when the backend stays down (%s), and works when it is back',
        async (fault) => {
          const key = await freshKey();
          proxy.inject({ times: Number.POSITIVE_INFINITY, fault });
          const error: Error = await run(driver, key).then(
            () => new Error('nothing failed'),
            (failure) => failure,
          );
          expect(error).not.toBeInstanceOf(ObjectNotFoundError);
          expect(error.message).toMatch(/^storage driver \w+ could not .+: .+/s);
          expect(proxy.requests.length).toBeLessThan(50);
          for (const secret of store.secrets) expect(error.message).not.toContain(secret);
          proxy.clear();
          await run(driver, await freshKey());
        },
        60_000,
      );
    });

    test('gives up on a backend that never says anything', async () => {
      proxy.inject({ times: Number.POSITIVE_INFINITY, fault: 'stall' });
      await expect(driver.write('faults/silent', small)).rejects.toThrow(/could not write faults\/silent: .+/);
    }, 60_000);

    test('asks again only after the time that a backend asks for', async () => {
      const patience = { status: 503, headers: { 'retry-after': '1' } };
      proxy.inject({ fault: patience });
      const start = performance.now();
      await driver.write('faults/patience', small);
      expect(performance.now() - start).toBeGreaterThan(900);
      proxy.clear();
      proxy.inject({ fault: { ...patience, status: 429 } });
      await driver.write('faults/patience', small);
      expect(proxy.requests.length).toBeGreaterThan(1);
    });

    test.each<Fault>(['truncate', 'reset-answer', 'stall-answer'])(
      'delivers every byte of an object whose answers break off again and again (%s)',
      async (fault) => {
        await direct.write('faults/cut', large.subarray(0, 2000 * KIB));
        for (const range of [undefined, { start: 5000, end: 1_500_000 }]) {
          proxy.clear();
          proxy.inject({ times: 3, fault });
          const expected = range === undefined ? large.subarray(0, 2000 * KIB) : large.subarray(5000, 1_500_001);
          expectBytes(await readObject(await driver.read('faults/cut', range)), expected);
          expect(proxy.requests.length).toBeGreaterThan(3);
        }
      },
      60_000,
    );

    test('does not take a consumer that takes its time for a backend that fails', async () => {
      await direct.write('faults/slow-consumer', large);
      const chunks = [];
      for await (const chunk of await driver.read('faults/slow-consumer')) {
        if (chunks.length === 0) await sleep(SLOW_CONSUMER_PAUSE_MS);
        chunks.push(Buffer.from(chunk));
      }
      expectBytes(Buffer.concat(chunks), large);
    });

    test('tells the consumer of a read when the backend does not come back', async () => {
      await direct.write('faults/cut-for-good', large);
      proxy.inject({ nth: 1, fault: 'truncate' });
      proxy.inject({ nth: 2, times: Number.POSITIVE_INFINITY, fault: 'reset' });
      await expect(readAll(driver, 'faults/cut-for-good')).rejects.toThrow(/could not read faults\/cut-for-good: .+/);
    }, 30_000);

    describe('an upload in the middle of its parts', () => {
      test.each<Fault>(['status-503', 'reset', 'reset-request'])(
        'keeps what it says it has when the backend goes down (%s), and goes on in another process',
        async (fault) => {
          const key = `faults/${randomUUID()}/data`;
          const upload = await driver.openUpload(key);
          await upload.append(inPieces(large.subarray(0, store.partBytes + 10 * KIB)));
          const kept = upload.size;
          expect(kept).toBe(store.partBytes + 10 * KIB);

          proxy.inject({ times: Number.POSITIVE_INFINITY, fault });
          await expect(upload.append(inPieces(large.subarray(kept)))).rejects.toThrow(/could not append to/);
          expect(upload.size).toBeGreaterThanOrEqual(kept);
          const said = upload.size;
          await upload.close().catch(() => {});

          const continued = await direct.openUpload(key);
          expect(continued.size).toBe(said);
          await continued.append(inPieces(large.subarray(continued.size)));
          await continued.complete();
          expectBytes(await readAll(direct, key), large);
        },
        60_000,
      );

      test('sends a part again from memory: its source is asked for each byte once', async () => {
        const key = `faults/${randomUUID()}/data`;
        let given = 0;
        const source = (async function* () {
          for await (const piece of inPieces(large)) {
            given += piece.byteLength;
            yield piece;
          }
        })();
        const upload = await driver.openUpload(key);
        proxy.inject({ nth: 2, times: 2, fault: 'reset-request' });
        await upload.append(source);
        await upload.complete();
        expect(given).toBe(large.byteLength);
        expectBytes(await readAll(direct, key), large);
      });
    });
  });
}

async function* inPieces(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += 64 * KIB) yield bytes.subarray(start, start + 64 * KIB);
}
