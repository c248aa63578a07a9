import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CheckedDriver } from '../../../registry-image/src/storage/checked-driver.ts';
import type { RedirectOptions, StorageDriver } from '../../../registry-image/src/storage/storage-driver.ts';
import { SwiftDriver } from '../../../registry-image/src/storage/swift.ts';
import { describeWith } from '../../support/requirements.ts';
import { type Swift, startSwift } from '../../support/swift.ts';
import { openSwiftClient, type SwiftClient } from '../../support/swift-client.ts';
import { swiftOptions } from './swift-options.ts';

const MIB = 1024 ** 2;
const MINUTE: RedirectOptions = { method: 'GET', expiresIn: 60_000 };
const KEY = 'x-container-meta-temp-url-key';

describeWith(['swift'], 'signed URLs of the swift driver', () => {
  let swift: Swift;
  let client: SwiftClient;
  const drivers: StorageDriver[] = [];
  let containers = 0;

  beforeAll(async () => {
    swift = await startSwift();
    client = await openSwiftClient(swift);
  });
  afterEach(async () => {
    for (const driver of drivers.splice(0)) await driver.close();
  });
  afterAll(async () => {
    client?.close();
    await swift?.stop();
  });

  const open = async (settings: Record<string, unknown> = {}, on = swift) => {
    const driver = new CheckedDriver(await SwiftDriver.open(swiftOptions(on, { chunksize: MIB, ...settings })));
    drivers.push(driver);
    return driver;
  };

  /** A container of its own for each test, for keys of signed URLs belong to containers. */
  const freshContainer = () => {
    containers += 1;
    return `container ${containers}`;
  };

  const sign = async (driver: StorageDriver, key: string, options = MINUTE) =>
    (await driver.redirectUrl?.(key, options)) as URL;

  test('read an object, or part of it, without credentials', async () => {
    const driver = await open();
    await driver.write('signed/with+odd name/%41', Buffer.from('0123456789'));
    const url = await sign(driver, 'signed/with+odd name/%41');
    expect(await (await fetch(url)).text()).toBe('0123456789');
    expect(await (await fetch(url, { headers: { range: 'bytes=2-4' } })).text()).toBe('234');
    expect((await fetch(url, { method: 'HEAD' })).headers.get('content-length')).toBe('10');
  });

  test('read objects of many parts', async () => {
    const driver = await open();
    const bytes = randomBytes(2 * MIB + 7);
    const upload = await driver.openUpload('uploads/1/data');
    await upload.append([bytes] as unknown as AsyncIterable<Uint8Array>, { last: true });
    await upload.complete();
    await driver.move('uploads/1/data', 'large');
    const url = await sign(driver, 'large');
    expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(bytes)).toBe(true);
    const part = await fetch(url, { headers: { range: `bytes=${MIB - 5}-${MIB + 4}` } });
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(MIB - 5, MIB + 5))).toBe(true);
  });

  test('for HEAD are good for nothing else', async () => {
    const driver = await open();
    await driver.write('head', Buffer.from('0123456789'));
    const url = await sign(driver, 'head', { method: 'HEAD', expiresIn: 60_000 });
    expect((await fetch(url, { method: 'HEAD' })).headers.get('content-length')).toBe('10');
    expect((await fetch(url)).status).toBe(401);
  });

  test('for GET write and delete nothing', async () => {
    const driver = await open();
    await driver.write('kept', Buffer.from('kept'));
    const url = await sign(driver, 'kept');
    expect((await fetch(url, { method: 'PUT', body: 'changed' })).status).toBe(401);
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(401);
    expect(await (await fetch(url)).text()).toBe('kept');
  });

  test('end when they are to end', async () => {
    const driver = await open();
    await driver.write('expired', Buffer.from('x'));
    const before = Math.floor(Date.now() / 1000);
    const url = await sign(driver, 'expired', { method: 'GET', expiresIn: 90_000 });
    expect(Number(url.searchParams.get('temp_url_expires'))).toBeGreaterThanOrEqual(before + 90);
    expect(Number(url.searchParams.get('temp_url_expires'))).toBeLessThanOrEqual(before + 95);
    expect((await fetch(await sign(driver, 'expired', { method: 'GET', expiresIn: -1000 }))).status).toBe(401);
  });

  test.each<[string, (url: URL) => void]>([
    [
      'name another object',
      (url) => {
        url.pathname = url.pathname.replace('tampered', 'another');
      },
    ],
    ['are to be good for longer', (url) => url.searchParams.set('temp_url_expires', '4000000000')],
    ['have another signature', (url) => url.searchParams.set('temp_url_sig', '0'.repeat(64))],
  ])('that are changed to %s are refused', async (_what, change) => {
    const driver = await open();
    for (const key of ['tampered', 'another']) await driver.write(key, Buffer.from('x'));
    const url = await sign(driver, 'tampered');
    change(url);
    expect((await fetch(url)).status).toBe(401);
  });

  test('name the endpoint that clients reach, and the same path', async () => {
    const driver = await open({ redirectendpoint: 'https://images.example.com:8443' });
    const url = await sign(driver, 'a/b');
    expect(url.origin).toBe('https://images.example.com:8443');
    await driver.write('a/b', Buffer.from('x'));
    expect((await fetch(new URL(url.pathname + url.search, swift.url))).status).toBe(200);
  });

  describe('have a key', () => {
    const keysOf = async (container: string) => {
      const { headers } = await client.request('HEAD', `/${encodeURIComponent(container)}`);
      return [headers[KEY], headers[`${KEY}-2`]];
    };

    test('that the server makes up when the container has none, and leaves as it is from then on', async () => {
      const container = freshContainer();
      const driver = await open({ container });
      expect(await keysOf(container)).toEqual([undefined, undefined]);
      await driver.write('x', Buffer.from('x'));
      await sign(driver, 'x');
      const [key] = await keysOf(container);
      expect(key).toMatch(/^[0-9a-f]{64}$/);
      const another = await open({ container });
      expect((await fetch(await sign(another, 'x'))).status).toBe(200);
      expect(await keysOf(container)).toEqual([key, undefined]);
    });

    test('that several processes agree on when they start together', async () => {
      const container = freshContainer();
      const started = await Promise.all(Array.from({ length: 4 }, () => open({ container })));
      await started[0]?.write('x', Buffer.from('x'));
      await Promise.all(started.map((driver) => sign(driver, 'x')));
      // Whoever was overtaken looks again after a minute.
      const [key] = await keysOf(container);
      const fresh = await open({ container });
      expect((await fetch(await sign(fresh, 'x'))).status).toBe(200);
      expect(await keysOf(container)).toEqual([key, undefined]);
    });

    test('that the operator has set in Swift', async () => {
      const container = freshContainer();
      await client.request('PUT', `/${encodeURIComponent(container)}`, { headers: { [KEY]: 'set by hand' } });
      const driver = await open({ container });
      await driver.write('x', Buffer.from('x'));
      expect((await fetch(await sign(driver, 'x'))).status).toBe(200);
      expect(await keysOf(container)).toEqual(['set by hand', undefined]);
    });

    test('of the configuration, beside the one that somebody else uses', async () => {
      const container = freshContainer();
      await client.request('PUT', `/${encodeURIComponent(container)}`, { headers: { [KEY]: 'of somebody else' } });
      const driver = await open({ container, secretkey: 'ours' });
      await driver.write('x', Buffer.from('x'));
      expect((await fetch(await sign(driver, 'x'))).status).toBe(200);
      expect(await keysOf(container)).toEqual(['of somebody else', 'ours']);
    });

    test('only when there is room for it', async () => {
      const container = freshContainer();
      const headers = { [KEY]: 'one', [`${KEY}-2`]: 'two' };
      await client.request('PUT', `/${encodeURIComponent(container)}`, { headers });
      const driver = await open({ container, secretkey: 'ours' });
      await expect(sign(driver, 'x')).rejects.toThrow(
        /the container has two keys for signed URLs, and neither is storage\.swift\.secretkey; remove one of them/,
      );
      expect(await keysOf(container)).toEqual(['one', 'two']);
    });

    test('of the account, when the configuration says so', async () => {
      const container = freshContainer();
      const driver = await open({ container, tempurlcontainerkey: false, secretkey: 'of the account' });
      await driver.write('x', Buffer.from('x'));
      expect((await fetch(await sign(driver, 'x'))).status).toBe(200);
      expect(await keysOf(container)).toEqual([undefined, undefined]);
      expect((await client.request('HEAD', '')).headers['x-account-meta-temp-url-key']).toBe('of the account');
    });
  });

  test('are written for clouds that want to know who signs', async () => {
    const url = await sign(await open({ accesskey: 'access', tenantid: 'tenant' }), 'x');
    expect(url.searchParams.get('temp_url_sig')).toMatch(/^tenant:access:[0-9a-f]{64}$/);
  });

  test.each([
    ['sha512', /^sha512:[\w-]+=*$/],
    ['sha1', /^[0-9a-f]{40}$/],
  ])('are signed with %s where Swift knows nothing better', async (digest, signature) => {
    const other = await startSwift({ settings: { 'filter:tempurl': { allowed_digests: digest } } });
    try {
      const driver = await open({}, other);
      await driver.write('x', Buffer.from('x'));
      const url = await sign(driver, 'x');
      expect(url.searchParams.get('temp_url_sig')).toMatch(signature);
      expect((await fetch(url)).status).toBe(200);
    } finally {
      await other.stop();
    }
  });

  test('are not offered when Swift takes none for GET', async () => {
    expect((await open({ tempurlmethods: ['PUT'] })).redirectUrl).toBeUndefined();
    const other = await startSwift({ settings: { 'filter:tempurl': { methods: 'PUT' } } });
    try {
      expect((await open({}, other)).redirectUrl).toBeUndefined();
    } finally {
      await other.stop();
    }
  });

  test('are for GET also when HEAD is asked for and Swift does not take that', async () => {
    const driver = await open({ tempurlmethods: ['GET'] });
    await driver.write('x', Buffer.from('x'));
    const url = await sign(driver, 'x', { method: 'HEAD', expiresIn: 60_000 });
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
  });
});
