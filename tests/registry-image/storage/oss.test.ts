import { Agent } from 'node:http';
import { CreateBucketCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { storageSchema } from '../../../registry-image/src/config/storage-schema.ts';
import { type OssOptions, type OssSetup, openOssDriver } from '../../../registry-image/src/storage/oss.ts';
import type { S3Driver } from '../../../registry-image/src/storage/s3.ts';
import { S3_TIME_LIMITS } from '../../../registry-image/src/storage/s3-client.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { describeWith } from '../../support/requirements.ts';
import { startSwift } from '../../support/swift.ts';
import { describeDriver } from './driver-suite.ts';
import { describeFaults } from './fault-suite.ts';
import { createBucket, s3Options } from './moto-bucket.ts';

const MIB = 1024 ** 2;
const BUCKET = 'registry-images';

/** Not every machine resolves names below localhost. */
const TO_THIS_MACHINE: S3ClientConfig = {
  requestHandler: {
    httpAgent: new Agent({
      lookup: (_host, { all }, found) =>
        all === true ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4),
    }),
  },
};

/** The bucket as a host of the mock, which knows it by the name in front. */
function bucketAt(endpoint: string): string {
  return endpoint.replace('127.0.0.1', `${BUCKET}.s3.localhost`);
}

function ossOptions(settings: Record<string, unknown>): OssOptions {
  const { oss } = storageSchema.parse({
    oss: {
      bucket: BUCKET,
      region: 'oss-cn-hangzhou',
      accesskeyid: 'LTAIexample',
      accesskeysecret: 'secret-of-the-key',
      chunksize: 5 * MIB,
      ...settings,
    },
  });
  return oss as OssOptions;
}

function open(endpoint: string, settings: Record<string, unknown> = {}, setup: OssSetup = {}): Promise<S3Driver> {
  return openOssDriver(ossOptions({ endpoint: bucketAt(endpoint), ...settings }), {
    client: TO_THIS_MACHINE,
    ...setup,
  });
}

describeWith(['moto_server'], 'OSS', () => {
  describeDriver('oss', async () => {
    const moto = await startMoto();
    await createBucket(s3Options(moto));
    return { driver: await open(moto.endpoint), reopen: () => open(moto.endpoint), stop: moto.stop };
  });

  describeFaults('oss', async () => {
    const moto = await startMoto();
    await createBucket(s3Options(moto));
    const limits = { connectMs: 500, idleMs: 600, firstPauseMs: 10 };
    return {
      target: moto.endpoint,
      partBytes: 5 * MIB,
      secrets: ['secret-of-the-key', 'X-Amz-'],
      open: (endpoint) => open(endpoint, {}, { limits }),
      stop: moto.stop,
    };
  });

  describe('the oss driver', () => {
    let moto: Moto;

    beforeAll(async () => {
      moto = await startMoto();
      await createBucket(s3Options(moto));
    });
    afterAll(() => moto?.stop());

    test('asks for the bucket in the host, sends bodies as they are, and never lists uploads', async () => {
      const proxy = await startFaultProxy(moto.endpoint);
      const driver = await open(proxy.url, { encrypt: true, rootdirectory: '/some/folder' });
      proxy.clear();
      const upload = await driver.openUpload('uploads/1/data');
      await upload.append(
        (async function* () {
          yield Buffer.alloc(40 * MIB);
        })(),
      );
      await upload.complete();
      await driver.move('uploads/1/data', 'blob');
      expect(new Set(proxy.requests.map(({ headers }) => headers.host))).toEqual(
        new Set([new URL(bucketAt(proxy.url)).host]),
      );
      const headers = proxy.requests.flatMap((request) => Object.entries(request.headers));
      expect(headers.filter(([name, value]) => /chunked|trailer|checksum/.test(`${name}: ${value}`))).toEqual([]);
      expect(headers).toContainEqual(['x-amz-server-side-encryption', 'AES256']);
      const paths = proxy.requests.map(({ path }) => path);
      expect(paths.filter((path) => /^\/\?uploads/.test(path))).toEqual([]);
      expect(paths.filter((path) => path.startsWith('/some/folder/')).length).toBeGreaterThan(10);
      // More than 1 GB is not copied in one call.
      expect(proxy.requests.filter(({ headers: sent }) => sent['x-amz-copy-source-range'] !== undefined)).toHaveLength(
        2,
      );
      await driver.close();
      await proxy.stop();
    });

    test('signs URLs for the host of the bucket, or for the one that clients reach it by', async () => {
      const driver = await open(moto.endpoint);
      await driver.write('signed', Buffer.from('content'));
      const url = await driver.redirectUrl('signed', { method: 'GET', expiresIn: 60_000 });
      expect(url.origin).toBe(bucketAt(moto.endpoint));
      expect(url.pathname).toBe('/signed');
      await driver.close();

      const elsewhere = await open(moto.endpoint, { redirectendpoint: 'https://layers.example.com' });
      const redirected = await elsewhere.redirectUrl('signed', { method: 'GET', expiresIn: 60_000 });
      expect(redirected.origin).toBe('https://layers.example.com');
      expect(redirected.searchParams.get('X-Amz-Credential')).toMatch(/^LTAIexample\/\d+\/cn-hangzhou\/s3\//);
      await elsewhere.close();
    });

    test('is open to a RAM role alone when no key is given, and says what is missing where there is none', async () => {
      await expect(
        open(moto.endpoint, { accesskeyid: undefined, accesskeysecret: undefined }, { metadataUrl: moto.endpoint }),
      ).rejects.toThrow(
        /no credentials for OSS were found .* give the machine an instance RAM role, or set accesskeyid and accesskeysecret in storage\.oss/,
      );
    });

    test('names the actions and the keys of OSS', async () => {
      const driver = await open(moto.endpoint, { encrypt: true, encryptionkeyid: 'key-1' });
      expect(driver.name).toBe('oss');
      expect(driver.resource).toBe('oss://registry-images/');
      expect(driver.permissions.list).toEqual(['oss:ListObjects']);
      await driver.close();

      const proxy = await startFaultProxy(moto.endpoint);
      const refused = await open(proxy.url, { encrypt: true, encryptionkeyid: 'key-1' });
      const answer = (status: number, code: string) => ({
        status,
        headers: { 'content-type': 'application/xml' },
        body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`,
      });
      for (const [fault, message] of [
        [
          answer(403, 'AccessDenied'),
          'OSS answered 403 AccessDenied (no) to oss:PutObject: the identity is probably not allowed oss:PutObject on acs:oss:*:*:registry-images/*, or kms:GenerateDataKey and kms:Decrypt on the key key-1; add it to its policy',
        ],
        [answer(403, 'SignatureDoesNotMatch'), 'check the instance RAM role or storage.oss.accesskeyid, and the clock'],
        [answer(404, 'NoSuchBucket'), 'create it, or correct storage.oss.bucket and storage.oss.region (cn-hangzhou)'],
        [answer(501, 'NotImplemented'), 'remove the options of storage.oss that it does not have, such as encrypt or'],
      ] as const) {
        proxy.inject({ method: 'PUT', fault });
        await expect(refused.write('x', Buffer.from('x'))).rejects.toThrow(message);
      }
      await refused.close();
      await proxy.stop();
    });
  });
});

describeWith(['swift'], 'OSS, over a store that checks every signature,', () => {
  describeDriver('oss', async () => {
    // Knows the bucket by the name in front, and the region that requests are signed for.
    const swift = await startSwift({
      settings: { 'filter:s3api': { storage_domain: 's3.localhost', location: 'cn-hangzhou' } },
    });
    const keys = { accesskeyid: swift.user, accesskeysecret: swift.key };
    const bucket = { Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: 'cn-hangzhou' as never } };
    const client = new S3Client({
      endpoint: swift.s3Endpoint,
      region: 'cn-hangzhou',
      forcePathStyle: true,
      credentials: { accessKeyId: swift.user, secretAccessKey: swift.key },
    });
    await client.send(new CreateBucketCommand(bucket));
    client.destroy();
    return {
      driver: await open(swift.s3Endpoint, keys),
      reopen: () => open(swift.s3Endpoint, keys),
      stop: swift.stop,
    };
  });
});

describe('the hosts of a bucket of OSS', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['the public one', {}, 'https://registry-images.s3.oss-cn-hangzhou.aliyuncs.com/?'],
    ['the internal one', { internal: true }, 'https://registry-images.s3.oss-cn-hangzhou-internal.aliyuncs.com/?'],
    ['without TLS', { secure: false }, 'http://registry-images.s3.oss-cn-hangzhou.aliyuncs.com/?'],
    ["a domain of one's own", { endpoint: 'https://layers.example.com' }, 'https://layers.example.com/?'],
  ])('%s', async (_what, settings, url) => {
    const asked: string[] = [];
    const handler = {
      handle: async ({ protocol, hostname, path }: { protocol: string; hostname: string; path: string }) => {
        asked.push(`${protocol}//${hostname}${path}?`);
        throw Object.assign(new Error('not sent'), { name: 'AbortError' });
      },
    };
    const requestHandler = handler as unknown as NonNullable<S3ClientConfig['requestHandler']>;
    const limits = { ...S3_TIME_LIMITS, firstPauseMs: 1 };
    await expect(openOssDriver(ossOptions(settings), { limits, client: { requestHandler } })).rejects.toThrow();
    expect(new Set(asked)).toEqual(new Set([url]));
  });
});
