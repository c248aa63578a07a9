import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CheckedDriver } from '../../../registry-image/src/storage/checked-driver.ts';
import { ObjectNotFoundError, type StorageDriver } from '../../../registry-image/src/storage/storage-driver.ts';
import { SwiftDriver } from '../../../registry-image/src/storage/swift.ts';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { readObject } from '../../support/read-object.ts';
import { describeWith } from '../../support/requirements.ts';
import { type Swift, startSwift } from '../../support/swift.ts';
import { openSwiftClient, type SwiftClient } from '../../support/swift-client.ts';
import { swiftOptions } from './swift-options.ts';

const MIB = 1024 ** 2;
const LIMITS = { connectMs: 500, idleMs: 5000, firstPauseMs: 10 };

type Source = AsyncIterable<Uint8Array>;

describeWith(['swift'], 'large objects of the swift driver', () => {
  let swift: Swift;
  let client: SwiftClient;
  let proxy: FaultProxy;
  let driver: StorageDriver;
  let throughProxy: StorageDriver;

  beforeAll(async () => {
    swift = await startSwift();
    client = await openSwiftClient(swift);
    proxy = await startFaultProxy(swift.url);
    const options = swiftOptions(swift, { chunksize: MIB });
    driver = new CheckedDriver(await SwiftDriver.open(options, LIMITS));
    const authurl = swift.authUrl.replace(swift.url, proxy.url);
    throughProxy = new CheckedDriver(await SwiftDriver.open({ ...options, authurl }, LIMITS));
  });
  afterEach(() => proxy.clear());
  afterAll(async () => {
    await throughProxy?.close();
    await driver?.close();
    await proxy?.stop();
    client?.close();
    await swift?.stop();
  });

  const upload = async (key: string, bytes: Uint8Array) => {
    const started = await driver.openUpload(key);
    await started.append([bytes] as unknown as Source, { last: true });
    await started.complete();
  };

  const freshKeys = () => {
    const id = randomUUID();
    return { from: `uploads/${id}/data`, to: `blobs/${id}/data`, segments: `segments/uploads/${id}/` };
  };

  const expectBytes = async (key: string, bytes: Buffer) => {
    expect((await driver.stat(key)).size).toBe(bytes.length);
    expect((await readObject(await driver.read(key))).equals(bytes)).toBe(true);
  };

  const expectGone = async (key: string) => expect(driver.stat(key)).rejects.toBeInstanceOf(ObjectNotFoundError);

  const listedSize = async (key: string) => {
    for await (const object of driver.list(`${key.split('/').slice(0, -1).join('/')}/`)) {
      if (object.key === key) return object.size;
    }
    return undefined;
  };

  describe('that are written here', () => {
    test('are moved without their parts, and deleted with them', async () => {
      const { from, to, segments } = freshKeys();
      const bytes = randomBytes(2 * MIB + 5);
      await upload(from, bytes);
      const parts = await client.list('registry', segments);
      expect(parts).toHaveLength(3);
      await driver.move(from, to);
      expect(await client.list('registry', segments)).toEqual(parts);
      await expectBytes(to, bytes);
      await expectGone(from);
      expect(await listedSize(to)).toBe(bytes.length);
      await driver.delete(to);
      await expectGone(to);
      expect(await client.list('registry', segments)).toEqual([]);
    });

    test('keep their parts when the process ends between the two steps of a move, and the upload is purged', async () => {
      const { from, to } = freshKeys();
      const bytes = randomBytes(2 * MIB);
      await upload(from, bytes);
      proxy.inject({ method: 'DELETE', times: Number.POSITIVE_INFINITY, fault: 'reset' });
      await expect(throughProxy.move(from, to)).rejects.toThrow();
      await expectBytes(from, bytes);
      await (await driver.openUpload(from)).cancel();
      await expectGone(from);
      await expectBytes(to, bytes);
    });

    test('keep their parts when such a move is made again', async () => {
      const { from, to, segments } = freshKeys();
      const bytes = randomBytes(2 * MIB);
      await upload(from, bytes);
      proxy.inject({ method: 'DELETE', times: Number.POSITIVE_INFINITY, fault: 'reset' });
      await expect(throughProxy.move(from, to)).rejects.toThrow();
      await driver.move(from, to);
      await expectGone(from);
      await expectBytes(to, bytes);
      await driver.delete(to);
      expect(await client.list('registry', segments)).toEqual([]);
    });

    test('lose their parts when the process ended before the move, and the upload is purged', async () => {
      const { from, to, segments } = freshKeys();
      await upload(from, randomBytes(2 * MIB));
      proxy.inject({ method: 'PUT', path: /blobs/, times: Number.POSITIVE_INFINITY, fault: 'reset' });
      await expect(throughProxy.move(from, to)).rejects.toThrow();
      await expectGone(to);
      await driver.delete(from);
      expect(await client.list('registry', segments)).toEqual([]);
    });

    test('stay as they are when the same bytes come once more, and no part is left over', async () => {
      const [first, second] = [freshKeys(), freshKeys()];
      const bytes = randomBytes(2 * MIB);
      for (const { from } of [first, second]) await upload(from, bytes);
      await driver.move(first.from, first.to);
      await driver.move(second.from, first.to);
      await expectBytes(first.to, bytes);
      await expectGone(second.from);
      expect(await client.list('registry', first.segments)).toHaveLength(2);
      expect(await client.list('registry', second.segments)).toEqual([]);
    });

    test('lose the parts that they had when others take their place', async () => {
      const [first, second] = [freshKeys(), freshKeys()];
      await upload(first.from, randomBytes(2 * MIB));
      await driver.move(first.from, first.to);
      const bytes = randomBytes(3 * MIB);
      await upload(second.from, bytes);
      await driver.move(second.from, first.to);
      await expectBytes(first.to, bytes);
      expect(await client.list('registry', first.segments)).toEqual([]);
      await driver.write('small', Buffer.from('small'));
      await driver.move('small', first.to);
      await expectBytes(first.to, Buffer.from('small'));
      expect(await client.list('registry', second.segments)).toEqual([]);
    });

    test.each([
      ['was changed', 'PUT', /00000002: (Etag|Size) Mismatch/],
      ['was lost', 'DELETE', /00000002: 404 Not Found/],
    ])('are not put together when a part of them %s', async (_what, method, message) => {
      const { from, segments } = freshKeys();
      const started = await driver.openUpload(from);
      await started.append([randomBytes(2 * MIB + 5)] as unknown as Source);
      const [, second] = await client.list('registry', segments);
      await client.request(method, `/registry/${second}`, { body: method === 'PUT' ? 'not what it was' : '' });
      const error: Error = await started.complete().then(
        () => new Error('nothing failed'),
        (failure) => failure,
      );
      expect(error.message).toMatch(message);
      expect(error.message).toContain('the upload has to start anew');
      await expectGone(from);
      await started.cancel();
      expect(await client.list('registry', segments)).toEqual([]);
    });

    test('tell Swift the hash of each part, so that it refuses bytes that were changed on the way', async () => {
      const { from } = freshKeys();
      const bytes = randomBytes(MIB);
      const started = await throughProxy.openUpload(from);
      await started.append([bytes] as unknown as Source);
      const sent = proxy.requests.find(({ method, path }) => method === 'PUT' && path.includes('/segments/'));
      expect(sent?.headers.etag).toBe(createHash('md5').update(bytes).digest('hex'));
      await started.cancel();
    });

    test('of a process that was killed in the middle are found by another one, and removed', async () => {
      const { from, segments } = freshKeys();
      const killed = await driver.openUpload(from);
      const endless = (async function* () {
        yield randomBytes(2 * MIB);
        await new Promise(() => {});
      })();
      killed.append(endless).catch(() => {});
      while ((await client.list('registry', segments)).length < 2) await sleep(20);
      const another = await throughProxy.openUpload(from);
      expect(another.size).toBe(0);
      await another.cancel();
      expect(await client.list('registry', segments)).toEqual([]);
      expect(await client.list('registry', `files/${from}`)).toEqual([]);
    });

    test('that are cancelled lose parts that no listing has yet', async () => {
      const { from, segments } = freshKeys();
      const started = await throughProxy.openUpload(from);
      await started.append([randomBytes(2 * MIB + 5)] as unknown as Source);
      expect(await client.list('registry', segments)).toHaveLength(2);
      const lagging = { status: 200, headers: { 'content-type': 'application/json' }, body: '[]' };
      proxy.inject({ method: 'GET', path: /format=json/, times: 2, fault: lagging });
      await started.cancel();
      expect(await client.list('registry', segments)).toEqual([]);
    });
  });

  describe('of CNCF distribution', () => {
    /** As its driver writes them. */
    const writeDynamic = async (key: string, chunks: readonly Buffer[], prefix = `segments/${randomUUID()}`) => {
      for (const [index, chunk] of chunks.entries()) {
        const name = `${prefix}/${String(index + 1).padStart(16, '0')}`;
        await client.request('PUT', `/registry/${name}`, { body: chunk });
      }
      const headers = { 'x-object-manifest': `registry/${prefix}`, 'content-type': 'application/octet-stream' };
      await client.request('PUT', `/registry/files/${key}`, { body: '', headers });
      return prefix;
    };
    const chunks = [randomBytes(1000), randomBytes(2000), randomBytes(300)];
    const bytes = Buffer.concat(chunks);

    test('are read, in whole and in part, and have their size in listings too', async () => {
      const { to } = freshKeys();
      await writeDynamic(to, chunks);
      await expectBytes(to, bytes);
      expect(
        (await readObject(await driver.read(to, { start: 900, end: 3100 }))).equals(bytes.subarray(900, 3101)),
      ).toBe(true);
      expect(await listedSize(to)).toBe(bytes.length);
    });

    test('are moved without their parts, and deleted with them', async () => {
      const { from, to } = freshKeys();
      const prefix = await writeDynamic(from, chunks);
      await driver.move(from, to);
      await expectGone(from);
      await expectBytes(to, bytes);
      await driver.delete(to);
      await expectGone(to);
      expect(await client.list('registry', prefix)).toEqual([]);
    });

    test('keep their parts when the process ends between the two steps of a move, and the first is deleted', async () => {
      const { from, to } = freshKeys();
      await writeDynamic(from, chunks);
      proxy.inject({ method: 'DELETE', times: Number.POSITIVE_INFINITY, fault: 'reset' });
      await expect(throughProxy.move(from, to)).rejects.toThrow();
      await expectBytes(from, bytes);
      await driver.delete(from);
      await expectGone(from);
      await expectBytes(to, bytes);
    });

    test('lose parts that no listing has yet, when they are deleted', async () => {
      const { to } = freshKeys();
      const prefix = await writeDynamic(to, chunks);
      const lagging = { status: 200, headers: { 'content-type': 'application/json' }, body: '[]' };
      proxy.inject({ method: 'GET', path: /format=json/, times: 2, fault: lagging });
      await throughProxy.delete(to);
      expect(await client.list('registry', prefix)).toEqual([]);
    });

    test('are looked at again when Swift has not listed their parts yet', async () => {
      const { to } = freshKeys();
      await writeDynamic(to, chunks);
      const empty = { status: 200, headers: { 'x-object-manifest': 'registry/segments/x', 'content-length': '0' } };
      proxy.inject({ method: 'HEAD', path: /blobs/, times: 2, fault: empty });
      expect((await throughProxy.stat(to)).size).toBe(bytes.length);
      proxy.inject({ method: 'GET', path: /blobs/, times: 2, fault: empty });
      expect((await readObject(await throughProxy.read(to))).equals(bytes)).toBe(true);
    });

    test('that name parts elsewhere lose none of them', async () => {
      const { to } = freshKeys();
      await driver.write('elsewhere/0000000000000001', Buffer.from('data of somebody'));
      await writeDynamic(to, [], 'files/elsewhere');
      await driver.delete(to);
      await expectGone(to);
      await expectBytes('elsewhere/0000000000000001', Buffer.from('data of somebody'));
      const whole = freshKeys().to;
      await client.request('PUT', `/registry/files/${whole}`, {
        body: '',
        headers: { 'x-object-manifest': 'registry/segments/' },
      });
      const before = await client.list('registry', 'segments/');
      await driver.delete(whole);
      expect(await client.list('registry', 'segments/')).toEqual(before);
    });

    test('that are uploads which it has abandoned keep their parts, which may be those of a blob', async () => {
      const { to } = freshKeys();
      const prefix = await writeDynamic(to, chunks);
      const abandoned = 'docker/registry/v2/repositories/app/_uploads/1/data';
      await writeDynamic(abandoned, [], prefix);
      await driver.delete(abandoned);
      await expectGone(abandoned);
      await expectBytes(to, bytes);
    });
  });
});

describeWith(['swift'], 'large objects of a Swift that takes few parts in one manifest', () => {
  let swift: Swift;
  let client: SwiftClient;
  let driver: StorageDriver;

  beforeAll(async () => {
    swift = await startSwift({ settings: { 'filter:slo': { max_manifest_segments: '3' } } });
    client = await openSwiftClient(swift);
    driver = new CheckedDriver(await SwiftDriver.open(swiftOptions(swift, { chunksize: MIB }), LIMITS));
  });
  afterAll(async () => {
    await driver?.close();
    client?.close();
    await swift?.stop();
  });

  test('have manifests of manifests, and are read, moved and deleted as others are', async () => {
    const bytes = randomBytes(18 * MIB + 5);
    const started = await driver.openUpload('uploads/1/data');
    await started.append([bytes] as unknown as Source, { last: true });
    await started.complete();
    const names = await client.list('registry', 'segments/');
    expect(names.filter((name) => /\/\d{8}$/.test(name)).length).toBeGreaterThan(3);
    expect(names.filter((name) => name.includes('/manifest-')).length).toBeGreaterThan(1);

    await driver.move('uploads/1/data', 'blobs/1/data');
    expect((await driver.stat('blobs/1/data')).size).toBe(bytes.length);
    expect((await readObject(await driver.read('blobs/1/data'))).equals(bytes)).toBe(true);
    const part = await readObject(await driver.read('blobs/1/data', { start: 3 * MIB - 10, end: 16 * MIB + 10 }));
    expect(part.equals(bytes.subarray(3 * MIB - 10, 16 * MIB + 11))).toBe(true);

    await driver.delete('blobs/1/data');
    expect(await client.list('registry')).toEqual([]);
  });

  test('are removed with all their manifests when others take their place', async () => {
    for (const id of ['2', '3']) {
      const started = await driver.openUpload(`uploads/${id}/data`);
      await started.append([randomBytes(18 * MIB + 5)] as unknown as Source, { last: true });
      await started.complete();
      await driver.move(`uploads/${id}/data`, 'blobs/2/data');
    }
    expect(await client.list('registry', 'segments/uploads/2/')).toEqual([]);
    await driver.delete('blobs/2/data');
    expect(await client.list('registry')).toEqual([]);
  });

  test('are refused when they have more parts than all manifests take, with what to do', async () => {
    const started = await driver.openUpload('uploads/4/data');
    const source = [Buffer.alloc(70 * MIB)] as unknown as Source;
    await expect(started.append(source)).rejects.toThrow(
      /takes 9 parts, .* raise the chunksize of the driver \(1048576\)/,
    );
    await started.cancel();
    expect(await client.list('registry')).toEqual([]);
  });
});
