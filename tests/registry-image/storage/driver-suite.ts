import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CheckedDriver } from '../../../registry-image/src/storage/checked-driver.ts';
import {
  ObjectNotFoundError,
  type StorageDriver,
  type StorageKey,
} from '../../../registry-image/src/storage/storage-driver.ts';
import { InvalidKeyError } from '../../../registry-image/src/storage/storage-key.ts';
import { readObject } from '../../support/read-object.ts';

/** What one test file gives the suite: an empty place to store things in. */
export interface DriverUnderTest {
  readonly driver: StorageDriver;
  /** Another instance over the same objects, as another process has it; for a driver in memory, the same one. */
  reopen(): Promise<StorageDriver>;
  stop(): Promise<void>;
}

const MIB = 1024 ** 2;

/** Every promise that storage-driver.ts makes, as tests of one driver. */
export function describeDriver(name: string, open: () => Promise<DriverUnderTest>): void {
  describe(`the ${name} driver`, () => {
    let place: DriverUnderTest;
    let driver: StorageDriver;
    let anotherProcess: StorageDriver;

    beforeAll(async () => {
      place = await open();
      driver = new CheckedDriver(place.driver);
      anotherProcess = new CheckedDriver(await place.reopen());
    });
    afterAll(async () => {
      await anotherProcess?.close();
      await driver?.close();
      await place?.stop();
    });

    const readAll = async (key: StorageKey) => readObject(await driver.read(key));

    const keysBelow = async (prefix: string) => {
      const keys = [];
      for await (const { key } of driver.list(prefix)) keys.push(key);
      return keys.sort();
    };

    const upload = async (key: StorageKey, ...chunks: Uint8Array[]) => {
      const started = await driver.openUpload(key);
      await started.append(chunked(chunks));
      await started.complete();
    };

    describe('objects', () => {
      test('reads back what was written', async () => {
        await driver.write('objects/a/link', Buffer.from('sha256:abc'));
        expect((await readAll('objects/a/link')).toString()).toBe('sha256:abc');
      });

      test('replaces an object as a whole', async () => {
        await driver.write('objects/replaced', Buffer.from('a longer text than the next'));
        await driver.write('objects/replaced', Buffer.from('short'));
        expect((await readAll('objects/replaced')).toString()).toBe('short');
      });

      test('keeps an empty object', async () => {
        await driver.write('objects/empty', new Uint8Array());
        expect((await driver.stat('objects/empty')).size).toBe(0);
        expect(await readAll('objects/empty')).toHaveLength(0);
      });

      test('keeps an object whose key has every character that names, tags and digests have', async () => {
        const key = 'objects/my-org/app_1.2--x/_manifests/tags/v1.0_RC-2/index/sha256/0a/link';
        await driver.write(key, Buffer.from('odd'));
        expect((await readAll(key)).toString()).toBe('odd');
        expect(await keysBelow('objects/my-org/')).toEqual([key]);
      });

      test('says size and time of an object', async () => {
        const before = Date.now();
        await driver.write('objects/stat', Buffer.alloc(1234));
        const info = await driver.stat('objects/stat');
        expect(info).toMatchObject({ key: 'objects/stat', size: 1234 });
        // Object stores keep whole seconds.
        expect(info.modifiedAt.getTime()).toBeGreaterThanOrEqual(before - 2000);
        expect(info.modifiedAt.getTime()).toBeLessThanOrEqual(Date.now() + 2000);
      });

      test('shows what one process wrote to another at once', async () => {
        await driver.write('objects/shared', Buffer.from('seen'));
        expect((await readObject(await anotherProcess.read('objects/shared'))).toString()).toBe('seen');
      });

      test('lets many write one key at once, and keeps the whole of one of them', async () => {
        const contents = Array.from({ length: 16 }, (_, index) => Buffer.alloc(50_000 + index, index));
        await Promise.all(contents.map((bytes) => driver.write('objects/contended', bytes)));
        const kept = await readAll('objects/contended');
        expect(contents.some((bytes) => bytes.equals(kept))).toBe(true);
      });
    });

    describe('what is not there', () => {
      test.each<[string, (key: StorageKey) => Promise<unknown>]>([
        ['read', (key) => driver.read(key)],
        ['read with a range', (key) => driver.read(key, { start: 0, end: 1 })],
        ['stat', (key) => driver.stat(key)],
        ['move', (key) => driver.move(key, 'missing/target')],
        ['move to itself', (key) => driver.move(key, key)],
      ])('%s fails with ObjectNotFoundError, which names the key', async (_operation, call) => {
        const error: unknown = await call('missing/object').catch((failure) => failure);
        expect(error).toBeInstanceOf(ObjectNotFoundError);
        expect(error).toMatchObject({ key: 'missing/object' });
      });

      test('a prefix of objects is not an object', async () => {
        await driver.write('prefix/of/object', Buffer.from('x'));
        await expect(driver.stat('prefix/of')).rejects.toBeInstanceOf(ObjectNotFoundError);
        await expect(driver.read('prefix/of')).rejects.toBeInstanceOf(ObjectNotFoundError);
        await driver.delete('prefix/of');
        expect((await readAll('prefix/of/object')).toString()).toBe('x');
      });

      test('nothing is below an object', async () => {
        await driver.write('leaf', Buffer.from('x'));
        await expect(driver.stat('leaf/below')).rejects.toBeInstanceOf(ObjectNotFoundError);
        await driver.delete('leaf/below');
        expect(await keysBelow('leaf/')).toEqual([]);
      });

      test('deleting it is no error', async () => {
        await driver.delete('missing/object');
      });

      test('listing below it gives nothing', async () => {
        expect(await keysBelow('missing/')).toEqual([]);
      });
    });

    describe('ranges', () => {
      const bytes = randomBytes(MIB + 321);

      test.each([
        ['the first byte', 0, 0],
        ['the middle', 1000, 700_000],
        ['the last byte', bytes.length - 1, bytes.length - 1],
        ['everything', 0, bytes.length - 1],
        ['the end, when the range goes beyond it', MIB, bytes.length + 1000],
      ])('reads %s', async (_what, start, end) => {
        await driver.write('ranges/object', bytes);
        const part = await readObject(await driver.read('ranges/object', { start, end }));
        expect(part.equals(bytes.subarray(start, end + 1))).toBe(true);
      });

      test('reads nothing when the range starts behind the end', async () => {
        await driver.write('ranges/short', Buffer.from('abc'));
        expect(await readObject(await driver.read('ranges/short', { start: 3, end: 10 }))).toHaveLength(0);
      });

      test.each([
        [-1, 5],
        [5, 4],
        [0, Number.NaN],
        [0.5, 2],
      ])('refuses the range %p to %p', async (start, end) => {
        await expect(driver.read('ranges/object', { start, end })).rejects.toThrow(RangeError);
      });

      test('a stream can be given up before its end', async () => {
        await driver.write('ranges/object', bytes);
        for await (const _chunk of await driver.read('ranges/object')) break;
        await (await driver.read('ranges/object')).close();
        expect((await readAll('ranges/object')).equals(bytes)).toBe(true);
      });
    });

    describe('lists', () => {
      test('has every object below a prefix with its size, and nothing else', async () => {
        await driver.write('lists/a/one', Buffer.alloc(1));
        await driver.write('lists/a/b/c/two', Buffer.alloc(2));
        await driver.write('lists/ab/three', Buffer.alloc(3));
        const found = new Map();
        for await (const { key, size } of driver.list('lists/a/')) found.set(key, size);
        expect(Object.fromEntries(found)).toEqual({ 'lists/a/one': 1, 'lists/a/b/c/two': 2 });
      });

      test('with an empty prefix has everything', async () => {
        await driver.write('lists/top', Buffer.alloc(1));
        expect(await keysBelow('')).toEqual(expect.arrayContaining(['lists/top', 'lists/a/one']));
      });

      test('tolerates objects that are deleted meanwhile', async () => {
        const keys = Array.from({ length: 30 }, (_, index) => `lists/vanishing/${index}/link`);
        await Promise.all(keys.map((key) => driver.write(key, Buffer.from('x'))));
        const seen = [];
        for await (const { key } of driver.list('lists/vanishing/')) {
          seen.push(key);
          if (seen.length === 1) {
            await Promise.all(keys.filter((other) => other !== key).map((other) => driver.delete(other)));
          }
        }
        expect(new Set(seen).size).toBe(seen.length);
        expect(await keysBelow('lists/vanishing/')).toEqual([seen[0]]);
      });
    });

    describe('moves and deletes', () => {
      test('a moved object is at its new key only', async () => {
        await driver.write('moves/from/data', Buffer.from('moved'));
        await driver.move('moves/from/data', 'moves/to/a/new/place');
        expect((await readAll('moves/to/a/new/place')).toString()).toBe('moved');
        expect(await keysBelow('moves/from/')).toEqual([]);
      });

      test('a move replaces what is at its target', async () => {
        await driver.write('moves/new', Buffer.from('new'));
        await driver.write('moves/old', Buffer.from('old'));
        await driver.move('moves/new', 'moves/old');
        expect((await readAll('moves/old')).toString()).toBe('new');
      });

      test('a move onto itself keeps the object', async () => {
        await driver.write('moves/same', Buffer.from('kept'));
        await driver.move('moves/same', 'moves/same');
        expect((await readAll('moves/same')).toString()).toBe('kept');
      });

      test('a deleted object is gone, its neighbours stay', async () => {
        await driver.write('deletes/a/b/object', Buffer.from('x'));
        await driver.write('deletes/neighbour', Buffer.from('y'));
        await driver.delete('deletes/a/b/object');
        await expect(driver.stat('deletes/a/b/object')).rejects.toBeInstanceOf(ObjectNotFoundError);
        expect(await keysBelow('deletes/')).toEqual(['deletes/neighbour']);
      });

      test('writing and deleting side by side in one place loses nothing', async () => {
        const rounds = Array.from({ length: 25 }, (_, index) => index);
        await Promise.all(
          ['a', 'b', 'c', 'd'].map(async (name) => {
            for (const _round of rounds) {
              const key = `contended/deep/er/${name}`;
              await driver.write(key, Buffer.from(name));
              expect((await readAll(key)).toString()).toBe(name);
              await driver.delete(key);
            }
          }),
        );
        expect(await keysBelow('contended/')).toEqual([]);
      });
    });

    describe('uploads', () => {
      test('keeps bytes that arrive in many pieces', async () => {
        const pieces = Array.from({ length: 300 }, (_, index) => randomBytes(index * 7));
        await upload('uploads/pieces/data', ...pieces);
        expect((await readAll('uploads/pieces/data')).equals(Buffer.concat(pieces))).toBe(true);
      });

      test('keeps bytes that arrive in several requests, and says how many there are', async () => {
        const started = await driver.openUpload('uploads/requests/data');
        expect(started.size).toBe(0);
        await started.append(chunked([Buffer.from('one ')]));
        expect(started.size).toBe(4);
        await started.append(chunked([Buffer.from('two '), Buffer.from('three')]));
        expect(started.size).toBe(13);
        await started.complete();
        expect((await readAll('uploads/requests/data')).toString()).toBe('one two three');
      });

      test('without bytes becomes an empty object', async () => {
        await upload('uploads/empty/data');
        expect((await driver.stat('uploads/empty/data')).size).toBe(0);
      });

      test('without bytes can be opened again and becomes an empty object', async () => {
        await (await driver.openUpload('uploads/reopened-empty/data')).close();
        const continued = await anotherProcess.openUpload('uploads/reopened-empty/data');
        expect(continued.size).toBe(0);
        await continued.complete();
        expect((await driver.stat('uploads/reopened-empty/data')).size).toBe(0);
      });

      test('of many MiB keeps every byte, and can be read in part', async () => {
        const pieces = Array.from({ length: 27 }, () => randomBytes(MIB - 3));
        await upload('uploads/large/data', ...pieces);
        const whole = Buffer.concat(pieces);
        expect((await readAll('uploads/large/data')).equals(whole)).toBe(true);
        const part = await readObject(await driver.read('uploads/large/data', { start: 11 * MIB, end: 13 * MIB }));
        expect(part.equals(whole.subarray(11 * MIB, 13 * MIB + 1))).toBe(true);
      });

      test('is moved to where it belongs when it is complete', async () => {
        await upload('uploads/moved/data', Buffer.from('layer'));
        await driver.move('uploads/moved/data', 'blobs/layer/data');
        expect((await readAll('blobs/layer/data')).toString()).toBe('layer');
        expect(await keysBelow('uploads/moved/')).toEqual([]);
      });

      test.each([
        ['a few bytes', 1000],
        ['several MiB', 7 * MIB],
        ['many MiB', 23 * MIB],
      ])('keeps %s that came before its source broke off, and goes on in another process', async (what, size) => {
        const key = `uploads/broken-${what.replaceAll(' ', '-')}/data`;
        const before = randomBytes(size);
        const after = randomBytes(6 * MIB);
        const started = await driver.openUpload(key);
        const failure = new Error('connection reset');
        await expect(started.append(chunked([before], failure))).rejects.toBe(failure);
        expect(started.size).toBe(size);
        await started.close();

        const continued = await anotherProcess.openUpload(key);
        expect(continued.size).toBe(size);
        await continued.append(chunked([after]));
        await continued.complete();
        expect((await readAll(key)).equals(Buffer.concat([before, after]))).toBe(true);
      });

      test('goes on in another process even when the first one was killed between two requests', async () => {
        const abandoned = await driver.openUpload('uploads/killed/data');
        await abandoned.append(chunked([Buffer.alloc(6 * MIB, 'a')]));
        await abandoned.append(chunked([Buffer.from('tail')]));

        const continued = await anotherProcess.openUpload('uploads/killed/data');
        expect(continued.size).toBe(6 * MIB + 4);
        await continued.complete();
        expect((await driver.stat('uploads/killed/data')).size).toBe(6 * MIB + 4);
        await abandoned.close();
      });

      test.each([
        ['small', 10],
        ['large', 13 * MIB],
      ])('that is %s and complete can be completed again, when the first answer got lost', async (what, size) => {
        const key = `uploads/repeated-${what}/data`;
        await upload(key, Buffer.alloc(size, 'r'));
        const again = await anotherProcess.openUpload(key);
        expect(again.size).toBe(size);
        await again.complete();
        expect((await driver.stat(key)).size).toBe(size);
      });

      test.each([
        ['empty', 0],
        ['small', 10],
        ['large', 13 * MIB],
      ])('that is %s leaves nothing when it is cancelled', async (what, size) => {
        const prefix = `uploads/cancelled-${what}/`;
        const started = await driver.openUpload(`${prefix}data`);
        await started.append(chunked([Buffer.alloc(size)]));
        await started.cancel();
        expect(await keysBelow(prefix)).toEqual([]);
        const fresh = await anotherProcess.openUpload(`${prefix}data`);
        expect(fresh.size).toBe(0);
        await fresh.cancel();
      });

      test('leaves nothing beside the object when it is complete', async () => {
        const started = await driver.openUpload('uploads/tidy/data');
        await started.append(chunked([Buffer.alloc(6 * MIB)]));
        await started.append(chunked([Buffer.alloc(6 * MIB)]));
        await started.complete();
        expect(await keysBelow('uploads/tidy/')).toEqual(['uploads/tidy/data']);
      });

      test('does not keep hold of the memory that its source uses again', async () => {
        const started = await driver.openUpload('uploads/reused-memory/data');
        await started.append(
          (async function* () {
            const memory = Buffer.alloc(4);
            for (const text of ['abcd', 'efgh', 'ijkl']) {
              memory.write(text);
              yield memory;
            }
          })(),
        );
        await started.complete();
        expect((await readAll('uploads/reused-memory/data')).toString()).toBe('abcdefghijkl');
      });

      test('to several keys go on side by side', async () => {
        const contents = Array.from({ length: 4 }, () => randomBytes(2 * MIB));
        await Promise.all(contents.map((bytes, index) => upload(`uploads/side-by-side-${index}/data`, bytes)));
        for (const [index, bytes] of contents.entries()) {
          expect((await readAll(`uploads/side-by-side-${index}/data`)).equals(bytes)).toBe(true);
        }
      });
    });

    describe('keys', () => {
      test.each([
        '',
        '/etc/passwd',
        '../outside',
        'a/../../outside',
        'a/./b',
        'a//b',
        'a/',
        'a\0b',
        `a/${'b'.repeat(1024)}`,
      ])('refuses %j everywhere', async (key) => {
        const calls: Promise<unknown>[] = [
          driver.read(key),
          driver.write(key, new Uint8Array()),
          driver.stat(key),
          driver.move(key, 'keys/target'),
          driver.move('keys/source', key),
          driver.delete(key),
          driver.openUpload(key),
        ];
        for (const result of await Promise.allSettled(calls)) {
          expect(result).toMatchObject({ status: 'rejected', reason: expect.any(InvalidKeyError) });
        }
      });

      test.each(['a', '/', '../', 'a//', '/a/'])('refuses to list the prefix %j', async (prefix) => {
        await expect(keysBelow(prefix)).rejects.toBeInstanceOf(InvalidKeyError);
      });
    });
  });
}

/** A source of chunks, which fails at the end if it is given a failure. */
async function* chunked(chunks: readonly Uint8Array[], failure?: Error): AsyncIterable<Uint8Array> {
  yield* chunks;
  if (failure !== undefined) throw failure;
}
