import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { storageSchema } from '../../../registry-image/src/config/storage-schema.ts';
import { S3Driver } from '../../../registry-image/src/storage/s3.ts';
import type { S3Options } from '../../../registry-image/src/storage/s3-bucket.ts';
import { createS3Client } from '../../../registry-image/src/storage/s3-client.ts';
import { describeWith } from '../../support/requirements.ts';
import { type Swift, startSwift } from '../../support/swift.ts';
import { describeDriver } from './driver-suite.ts';

function s3Options(swift: Swift, settings: Record<string, unknown> = {}): S3Options {
  const { s3 } = storageSchema.parse({
    s3: {
      bucket: 'registry-images',
      region: 'us-east-1',
      regionendpoint: swift.s3Endpoint,
      accesskey: swift.user,
      secretkey: swift.key,
      chunksize: 5 * 1024 ** 2,
      ...settings,
    },
  });
  return s3 as S3Options;
}

async function createBucket(options: S3Options): Promise<void> {
  const client = createS3Client(options);
  await client.send(new CreateBucketCommand({ Bucket: options.bucket }));
  client.destroy();
}

describeWith(['swift'], 'the S3 protocol of OpenStack Swift, which checks every signature', () => {
  describeDriver('s3', async () => {
    const swift = await startSwift();
    const options = s3Options(swift);
    await createBucket(options);
    return { driver: await S3Driver.open(options), reopen: () => S3Driver.open(options), stop: swift.stop };
  });

  describe('signatures', () => {
    let swift: Swift;
    let driver: S3Driver;

    beforeAll(async () => {
      swift = await startSwift();
      await createBucket(s3Options(swift));
      driver = await S3Driver.open(s3Options(swift));
      await driver.write('signed/object', Buffer.from('0123456789'));
      await driver.write('signed/other', Buffer.from('secret'));
    });
    afterAll(async () => {
      await driver?.close();
      await swift?.stop();
    });

    const sign = (method: 'GET' | 'HEAD' = 'GET', expiresIn = 60_000) =>
      driver.redirectUrl('signed/object', { method, expiresIn });

    test('let a client read what the URL was signed for, or a part of it', async () => {
      const url = await sign();
      expect(await (await fetch(url)).text()).toBe('0123456789');
      expect(await (await fetch(url, { headers: { Range: 'bytes=2-4' } })).text()).toBe('234');
      expect((await fetch(await sign('HEAD'), { method: 'HEAD' })).headers.get('content-length')).toBe('10');
    });

    test.each<[string, (url: URL) => void]>([
      ['another object', (url) => (url.pathname = url.pathname.replace('signed/object', 'signed/other'))],
      ['a later end', (url) => url.searchParams.set('X-Amz-Expires', '86400')],
      ['another date', (url) => url.searchParams.set('X-Amz-Date', '20300101T000000Z')],
      ['another signature', (url) => url.searchParams.set('X-Amz-Signature', '0'.repeat(64))],
      ['no signature', (url) => (url.search = '')],
    ])('are good for nothing else: %s is refused', async (_what, tamper) => {
      const url = await sign();
      tamper(url);
      const answer = await fetch(url);
      expect([400, 403]).toContain(answer.status);
      expect(await answer.text()).not.toMatch(/0123456789|secret/);
    });

    test('for reading do not let a client write or delete', async () => {
      const url = await sign();
      expect((await fetch(url, { method: 'PUT', body: 'overwritten' })).status).toBe(403);
      expect((await fetch(url, { method: 'DELETE' })).status).toBe(403);
    });

    test('end when they are said to', async () => {
      const url = await sign('GET', 1000);
      expect((await fetch(url)).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 2100));
      expect((await fetch(url)).status).toBe(403);
    });

    test('made with a wrong secret are refused, and the refusal says where to look', async () => {
      await expect(S3Driver.open(s3Options(swift, { secretkey: 'wrong' }))).rejects.toThrow(
        /SignatureDoesNotMatch .* the credentials are not accepted; check the instance role or storage\.s3\.accesskey/,
      );
    });

    test('name redirectendpoint: the host is part of what is signed', async () => {
      const redirectendpoint = swift.s3Endpoint.replace('127.0.0.1', 'localhost');
      const elsewhere = await S3Driver.open(s3Options(swift, { redirectendpoint }));
      const url = await elsewhere.redirectUrl('signed/object', { method: 'GET', expiresIn: 60_000 });
      await elsewhere.close();
      expect(url.origin).toBe(redirectendpoint);
      expect(await (await fetch(url)).text()).toBe('0123456789');
      expect((await fetch(new URL(url.pathname + url.search, swift.s3Endpoint))).status).toBe(403);
    });
  });
});
