import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CheckedDriver } from '../../../registry-image/src/storage/checked-driver.ts';
import { ObjectNotFoundError, type StorageDriver } from '../../../registry-image/src/storage/storage-driver.ts';
import { SwiftDriver } from '../../../registry-image/src/storage/swift.ts';
import { describeWith } from '../../support/requirements.ts';
import { type Swift, startSwift } from '../../support/swift.ts';
import { openSwiftClient, type SwiftClient } from '../../support/swift-client.ts';
import { swiftOptions } from './swift-options.ts';

describeWith(['swift'], 'what Swift refuses', () => {
  let swift: Swift;
  let client: SwiftClient;

  beforeAll(async () => {
    swift = await startSwift();
    client = await openSwiftClient(swift);
  });
  afterAll(async () => {
    client?.close();
    await swift?.stop();
  });

  const guest = (container: string) =>
    SwiftDriver.open(swiftOptions(swift, { username: swift.guest.user, password: swift.guest.key, container }));

  const messageOf = async (call: Promise<unknown>): Promise<string> => {
    const error: Error = await call.then(
      () => new Error('nothing failed'),
      (failure) => failure,
    );
    expect(error).not.toBeInstanceOf(ObjectNotFoundError);
    expect(error.message).not.toContain(swift.guest.key);
    return error.message;
  };

  test('is named when the user may not even see the container', async () => {
    await client.request('PUT', '/closed');
    expect(await messageOf(guest('closed'))).toMatch(
      /^Swift answered 403 to HEAD container in AUTH_test\/closed: the user is probably not allowed to; give it a role in the project that may use Swift \(member or swiftoperator\), or its name and \.rlistings in the read ACL of the container, or see whether AUTH_test is the account of the right project/,
    );
  });

  test('is named when there is no container and the user may not create one', async () => {
    expect(await messageOf(guest('missing'))).toMatch(
      /Swift answered 403 .*to (HEAD|PUT) container in AUTH_test\/missing/,
    );
  });

  describe('with an ACL of the container for reading only', () => {
    let driver: StorageDriver;

    beforeAll(async () => {
      const acl = { 'x-container-read': `${swift.guest.user},.rlistings` };
      await client.request('PUT', '/readable', { headers: acl });
      await client.request('PUT', '/readable/files/object', { body: 'x' });
      driver = new CheckedDriver(await guest('readable'));
    });
    afterAll(() => driver?.close());

    test('is not what the ACL allows', async () => {
      expect((await driver.stat('object')).size).toBe(1);
      await expect(driver.stat('missing')).rejects.toBeInstanceOf(ObjectNotFoundError);
      const keys = [];
      for await (const { key } of driver.list('')) keys.push(key);
      expect(keys).toEqual(['object']);
    });

    test.each<[string, string, (driver: StorageDriver) => Promise<unknown>]>([
      ['write', 'PUT object', (of) => of.write('new', Buffer.from('x'))],
      ['delete', 'DELETE object', (of) => of.delete('object')],
      ['move', 'PUT object', (of) => of.move('object', 'target')],
      ['upload', 'PUT object', async (of) => (await of.openUpload('uploads/1/data')).complete()],
    ])('names %s, with the request and the right that is missing', async (_operation, action, call) => {
      expect(await messageOf(call(driver))).toMatch(
        new RegExp(
          `Swift answered 403 .*to ${action} in AUTH_test/readable: the user is probably not allowed to; .* or its name in the write ACL of the container`,
        ),
      );
    });

    test('names signing of a URL, when there is no key for it', async () => {
      expect(
        await messageOf(driver.redirectUrl?.('object', { method: 'GET', expiresIn: 60_000 }) as Promise<URL>),
      ).toMatch(
        /could not sign a URL for object: Swift answered 403 .*to POST container in AUTH_test\/readable: .* no ACL of a container is enough for this/,
      );
    });
  });

  test('is nothing with ACLs for reading and writing, from an upload in parts to its deletion', async () => {
    const headers = { 'x-container-read': `${swift.guest.user},.rlistings`, 'x-container-write': swift.guest.user };
    await client.request('PUT', '/shared', { headers });
    const driver = new CheckedDriver(await guest('shared'));
    const upload = await driver.openUpload('uploads/1/data');
    await upload.append([Buffer.alloc(12 * 1024 ** 2)] as unknown as AsyncIterable<Uint8Array>);
    await upload.complete();
    await driver.move('uploads/1/data', 'blobs/1/data');
    await driver.delete('blobs/1/data');
    expect(await client.list('shared')).toEqual([]);
    await driver.close();
  });

  test('for want of room is said to be so', async () => {
    const other = await startSwift({
      settings: {
        'pipeline:main': {
          pipeline:
            'catch_errors gatekeeper healthcheck proxy-logging cache tempauth container_quotas slo proxy-server',
        },
        'filter:container_quotas': { use: 'egg:swift#container_quotas' },
      },
    });
    const owner = await openSwiftClient(other);
    try {
      await owner.request('PUT', '/registry', { headers: { 'x-container-meta-quota-bytes': '10' } });
      const driver = new CheckedDriver(await SwiftDriver.open(swiftOptions(other)));
      await expect(driver.write('large', Buffer.alloc(1000))).rejects.toThrow(
        /Swift answered 413 .* to PUT object in AUTH_test\/registry: the quota .* is probably used up/,
      );
      await driver.close();
    } finally {
      owner.close();
      await other.stop();
    }
  });

  test('is said when Swift has no large objects', async () => {
    const other = await startSwift({
      settings: {
        'pipeline:main': { pipeline: 'catch_errors gatekeeper healthcheck proxy-logging cache tempauth proxy-server' },
      },
    });
    try {
      await expect(SwiftDriver.open(swiftOptions(other))).rejects.toThrow(
        /has no Static Large Objects \(no slo in http:\/\/127\.0\.0\.1:\d+\/info\)/,
      );
    } finally {
      await other.stop();
    }
  });
});
