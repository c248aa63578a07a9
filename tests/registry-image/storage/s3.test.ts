import { randomBytes } from 'node:crypto';
import { Agent } from 'node:http';

import { HeadObjectCommand, ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { storageSchema } from '../../../registry-image/src/config/storage-schema.ts';
import { CheckedDriver } from '../../../registry-image/src/storage/checked-driver.ts';
import { openStorageDriver } from '../../../registry-image/src/storage/open-driver.ts';
import { S3Driver } from '../../../registry-image/src/storage/s3.ts';
import type { S3Options } from '../../../registry-image/src/storage/s3-bucket.ts';
import { createS3Client, S3_TIME_LIMITS } from '../../../registry-image/src/storage/s3-client.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { readObject } from '../../support/read-object.ts';
import { describeWith } from '../../support/requirements.ts';
import { describeDriver } from './driver-suite.ts';
import { createBucket, s3Options } from './moto-bucket.ts';

const MIB = 1024 ** 2;

describeWith(['moto_server'], 'S3', () => {
  describeDriver('s3', async () => {
    const moto = await startMoto();
    const options = s3Options(moto);
    await createBucket(options);
    return { driver: await S3Driver.open(options), reopen: () => S3Driver.open(options), stop: moto.stop };
  });

  describeDriver('s3, with the bucket in the host name and a folder in the bucket,', async () => {
    const moto = await startMoto();
    const options = s3Options(moto, {
      regionendpoint: moto.endpoint.replace('127.0.0.1', 's3.localhost'),
      forcepathstyle: false,
      rootdirectory: '/some/folder/',
    });
    // Not every machine resolves names below localhost.
    const httpAgent = new Agent({
      lookup: (_host, { all }, found) =>
        all === true ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4),
    });
    const overrides = { requestHandler: { httpAgent } };
    await createBucket(options, overrides);
    const open = () => S3Driver.open(options, { client: createS3Client(options, undefined, overrides) });
    return { driver: await open(), reopen: open, stop: moto.stop };
  });

  describe('the S3 driver', () => {
    let moto: Moto;
    let options: S3Options;

    beforeAll(async () => {
      moto = await startMoto();
      options = s3Options(moto);
      await createBucket(options);
    });
    afterAll(() => moto?.stop());

    test('lists more objects than S3 tells at once', async () => {
      const driver = await S3Driver.open(options);
      const keys = Array.from({ length: 1003 }, (_, index) => `paged/${String(index).padStart(4, '0')}`);
      await Promise.all(keys.map((key) => driver.write(key, Buffer.from('x'))));
      const listed = [];
      for await (const { key } of driver.list('paged/')) listed.push(key);
      expect(listed.sort()).toEqual(keys);
      await driver.close();
    });

    test('takes no notice of the empty objects by which other tools mark folders', async () => {
      const driver = await S3Driver.open(options);
      const client = createS3Client(options);
      await client.send(new PutObjectCommand({ Bucket: options.bucket, Key: 'marked/folder/', Body: Buffer.alloc(0) }));
      await driver.write('marked/folder/object', Buffer.from('x'));
      const keys = [];
      for await (const { key } of driver.list('marked/')) keys.push(key);
      expect(keys).toEqual(['marked/folder/object']);
      client.destroy();
      await driver.close();
    });

    test('keeps its objects below rootdirectory, encrypted and in the storage class that are set', async () => {
      const set = s3Options(moto, {
        rootdirectory: '/folder',
        encrypt: true,
        keyid: 'alias/key',
        storageclass: 'STANDARD_IA',
      });
      const driver = await S3Driver.open(set);
      await driver.write('link', Buffer.from('x'));
      const upload = await driver.openUpload('uploads/1/data');
      await upload.append(zeros(6 * MIB));
      await upload.complete();
      await driver.move('uploads/1/data', 'blob');
      const client = createS3Client(set);
      for (const Key of ['folder/link', 'folder/blob']) {
        expect(await client.send(new HeadObjectCommand({ Bucket: set.bucket, Key }))).toMatchObject({
          ServerSideEncryption: 'aws:kms',
          SSEKMSKeyId: expect.stringContaining('alias/key'),
          StorageClass: 'STANDARD_IA',
        });
      }
      client.destroy();
      await driver.close();
    });

    test('signs URLs that read an object, or part of it, without credentials', async () => {
      const driver = new CheckedDriver(await S3Driver.open(options));
      await driver.write('signed/with+odd/name', Buffer.from('0123456789'));
      const url = (await driver.redirectUrl?.('signed/with+odd/name', { method: 'GET', expiresIn: 90_000 })) as URL;
      expect(url.searchParams.get('X-Amz-Expires')).toBe('90');
      expect(await (await fetch(url)).text()).toBe('0123456789');
      expect(await (await fetch(url, { headers: { Range: 'bytes=2-4' } })).text()).toBe('234');
      const head = (await driver.redirectUrl?.('signed/with+odd/name', { method: 'HEAD', expiresIn: 90_000 })) as URL;
      expect((await fetch(head, { method: 'HEAD' })).headers.get('content-length')).toBe('10');
      await driver.close();
    });

    test('copies an object in parts when it is larger than the threshold, and small ones in one call', async () => {
      const proxy = await startFaultProxy(moto.endpoint);
      const inParts = {
        regionendpoint: proxy.url,
        multipartcopythresholdsize: 6 * MIB,
        multipartcopychunksize: 5 * MIB,
        multipartcopymaxconcurrency: 2,
      };
      const driver = await S3Driver.open(s3Options(moto, inParts));
      proxy.clear();
      const copies = () => proxy.requests.filter(({ headers }) => headers['x-amz-copy-source'] !== undefined);
      const bytes = randomBytes(16 * MIB + 5);
      await driver.write('copies/from', bytes);
      await driver.move('copies/from', 'copies/to');
      expect(copies().map(({ headers }) => headers['x-amz-copy-source-range'])).toHaveLength(4);
      expect((await readObject(await driver.read('copies/to'))).equals(bytes)).toBe(true);

      proxy.clear();
      await driver.write('copies/from', bytes.subarray(0, 6 * MIB));
      await driver.move('copies/from', 'copies/to');
      expect(copies().map(({ headers }) => headers['x-amz-copy-source-range'])).toEqual([undefined]);
      await driver.close();
      await proxy.stop();
    });

    test('leaves nothing of a copy in parts that fails', async () => {
      const proxy = await startFaultProxy(moto.endpoint);
      const options = s3Options(moto, {
        regionendpoint: proxy.url,
        multipartcopythresholdsize: 0,
        multipartcopychunksize: 5 * MIB,
      });
      const client = createS3Client(options, { ...S3_TIME_LIMITS, firstPauseMs: 1 });
      const driver = await S3Driver.open(options, { client });
      await driver.write('failing/from', Buffer.alloc(16 * MIB));
      proxy.inject({ method: 'PUT', path: /partNumber=2/, times: Number.POSITIVE_INFINITY, fault: 'status-500' });
      await expect(driver.move('failing/from', 'failing/to')).rejects.toThrow(/500 .* 6 times: the store has failed/);
      expect((await driver.stat('failing/from')).size).toBe(16 * MIB);
      const { Uploads } = await client.send(
        new ListMultipartUploadsCommand({ Bucket: options.bucket, Prefix: 'failing/' }),
      );
      expect(Uploads ?? []).toEqual([]);
      await driver.close();
      await proxy.stop();
    });

    test('is opened from a configuration, with endpoint and credentials from the environment', async () => {
      const names = ['AWS_ENDPOINT_URL', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const;
      const before = names.map((name) => process.env[name]);
      process.env.AWS_ENDPOINT_URL = moto.endpoint;
      process.env.AWS_ACCESS_KEY_ID = 'test';
      process.env.AWS_SECRET_ACCESS_KEY = 'test';
      try {
        const driver = await openStorageDriver(
          storageSchema.parse({ s3: { bucket: options.bucket, region: 'us-east-1', forcepathstyle: true } }),
        );
        await driver.write('from/environment', Buffer.from('x'));
        expect((await driver.stat('from/environment')).size).toBe(1);
        await driver.close();
      } finally {
        for (const [index, name] of names.entries()) {
          if (before[index] === undefined) delete process.env[name];
          else process.env[name] = before[index];
        }
      }
    });

    test('says what to do when the bucket does not exist', async () => {
      await expect(S3Driver.open(s3Options(moto, { bucket: 'another-bucket' }))).rejects.toThrow(
        /NoSuchBucket .* there is no bucket "another-bucket"; create it, or correct storage\.s3\.bucket and storage\.s3\.region \(us-east-1\)/,
      );
    });
  });
});

async function* zeros(size: number): AsyncIterable<Uint8Array> {
  yield Buffer.alloc(size);
}
