import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { storageSchema } from '../../../registry-image/src/config/storage-schema.ts';
import { S3Driver } from '../../../registry-image/src/storage/s3.ts';
import type { S3Options } from '../../../registry-image/src/storage/s3-bucket.ts';
import { createS3Client, createSigner } from '../../../registry-image/src/storage/s3-client.ts';
import { STORAGE_CALLS, type StorageCall } from '../../../registry-image/src/storage/storage-calls.ts';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { readObject } from '../../support/read-object.ts';
import { describeWith } from '../../support/requirements.ts';
import { createBucket, s3Options } from './moto-bucket.ts';

const MIB = 1024 ** 2;

function optionsOf(settings: Record<string, unknown>): S3Options {
  const keys = { accesskey: 'key', secretkey: 'secret' };
  return storageSchema.parse({ s3: { bucket: 'images', region: 'eu-west-1', ...keys, ...settings } }).s3 as S3Options;
}

/** Where a client goes for an object: the request that it would send. */
async function urlOf(client: S3Client): Promise<string> {
  const asked: string[] = [];
  client.middlewareStack.add(
    () => async (args) => {
      const { protocol, hostname, port, path } = args.request as Record<string, string>;
      asked.push(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`);
      throw new Error('not sent');
    },
    { step: 'finalizeRequest', name: 'readUrl' },
  );
  await client.send(new GetObjectCommand({ Bucket: 'images', Key: 'a/b' })).catch(() => {});
  client.destroy();
  return asked.join();
}

describe('the endpoint that S3 is asked at', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['names the bucket in its host', {}, 'https://images.s3.eu-west-1.amazonaws.com/a/b'],
    [
      'names it in the path, when that is asked for',
      { forcepathstyle: true },
      'https://s3.eu-west-1.amazonaws.com/images/a/b',
    ],
    [
      'has IPv6, when that is asked for',
      { usedualstack: true },
      'https://images.s3.dualstack.eu-west-1.amazonaws.com/a/b',
    ],
    ['is one of FIPS', { usefipsendpoint: true }, 'https://images.s3-fips.eu-west-1.amazonaws.com/a/b'],
    [
      'is one of FIPS with IPv6',
      { usefipsendpoint: true, usedualstack: true },
      'https://images.s3-fips.dualstack.eu-west-1.amazonaws.com/a/b',
    ],
    ['is accelerated', { accelerate: true }, 'https://images.s3-accelerate.amazonaws.com/a/b'],
    [
      'is accelerated with IPv6',
      { accelerate: true, usedualstack: true },
      'https://images.s3-accelerate.dualstack.amazonaws.com/a/b',
    ],
    ['is in China', { region: 'cn-north-1' }, 'https://images.s3.cn-north-1.amazonaws.com.cn/a/b'],
    [
      'is a VPC endpoint',
      { regionendpoint: 'https://bucket.vpce-0a1b.s3.eu-west-1.vpce.amazonaws.com', forcepathstyle: false },
      'https://images.bucket.vpce-0a1b.s3.eu-west-1.vpce.amazonaws.com/a/b',
    ],
    [
      'is a VPC endpoint in path style',
      { regionendpoint: 'https://bucket.vpce-0a1b.s3.eu-west-1.vpce.amazonaws.com' },
      'https://bucket.vpce-0a1b.s3.eu-west-1.vpce.amazonaws.com/images/a/b',
    ],
    ['is another store', { regionendpoint: 'http://minio:9000' }, 'http://minio:9000/images/a/b'],
    [
      'is another store in virtual-host style',
      { regionendpoint: 'https://s3.example.com', forcepathstyle: false },
      'https://images.s3.example.com/a/b',
    ],
  ])('%s', async (_what, settings, url) => {
    expect(await urlOf(createS3Client(optionsOf(settings)))).toBe(url);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['the same', { regionendpoint: 'http://minio:9000' }, 'http://minio:9000/images/a/b'],
    [
      'redirectendpoint',
      { regionendpoint: 'http://minio:9000', redirectendpoint: 'https://s3.example.com' },
      'https://s3.example.com/images/a/b',
    ],
    [
      'redirectendpoint in virtual-host style',
      { regionendpoint: 'http://minio:9000', redirectendpoint: 'https://s3.example.com:8443', forcepathstyle: false },
      'https://images.s3.example.com:8443/a/b',
    ],
    [
      'redirectendpoint, whatever endpoint of AWS the registry uses',
      { accelerate: true, usedualstack: true, redirectendpoint: 'https://s3.eu-west-1.amazonaws.com' },
      'https://images.s3.eu-west-1.amazonaws.com/a/b',
    ],
  ])('of signed URLs is %s', async (_what, settings, url) => {
    const options = optionsOf(settings);
    expect(await urlOf(createSigner(options, createS3Client(options)))).toBe(url);
  });
});

describeWith(['moto_server'], 'what goes over the wire to S3', () => {
  let moto: Moto;
  let proxy: FaultProxy;
  const drivers: S3Driver[] = [];

  beforeAll(async () => {
    moto = await startMoto();
    await createBucket(s3Options(moto));
    proxy = await startFaultProxy(moto.endpoint);
  });
  afterAll(async () => {
    await proxy?.stop();
    await moto?.stop();
  });
  beforeEach(() => proxy.clear());
  afterEach(async () => {
    for (const driver of drivers.splice(0)) await driver.close();
  });

  async function open(settings: Record<string, unknown> = {}): Promise<S3Driver> {
    const driver = await S3Driver.open(s3Options(moto, { regionendpoint: proxy.url, ...settings }));
    drivers.push(driver);
    proxy.clear();
    return driver;
  }

  async function uploadAndMove(driver: S3Driver, bytes: Buffer): Promise<void> {
    const upload = await driver.openUpload('wire/upload/data');
    await upload.append(whole(bytes));
    await upload.complete();
    await driver.move('wire/upload/data', 'wire/data');
    expect((await readObject(await driver.read('wire/data'))).equals(bytes)).toBe(true);
  }

  const requestsWith = (header: string) => proxy.requests.filter(({ headers }) => headers[header] !== undefined);

  test('no ACL, checksum or leave to send is named unless that is asked for', async () => {
    const driver = await open();
    await driver.write('wire/object', Buffer.from('x'));
    await uploadAndMove(driver, Buffer.alloc(6 * MIB, 'x'));
    const named = proxy.requests.flatMap(({ headers }) => Object.keys(headers));
    expect(named.filter((name) => /^expect$|acl|checksum|trailer|storage-class|encryption/.test(name))).toEqual([]);
  });

  test('objectacl is named with every new object', async () => {
    const driver = await open({ objectacl: 'bucket-owner-full-control' });
    await driver.write('wire/object', Buffer.from('x'));
    await uploadAndMove(driver, Buffer.alloc(6 * MIB, 'x'));
    const withAcl = requestsWith('x-amz-acl');
    expect(new Set(withAcl.map(({ headers }) => headers['x-amz-acl']))).toEqual(new Set(['bucket-owner-full-control']));
    const creating = proxy.requests.filter(
      ({ method, path, headers }) =>
        (method === 'PUT' && !path.includes('partNumber')) ||
        (method === 'POST' && path.includes('uploads')) ||
        headers['x-amz-copy-source'] !== undefined,
    );
    expect(creating.length).toBeGreaterThanOrEqual(4);
    expect(withAcl).toEqual(creating);
  });

  test.each(['CRC32', 'CRC32C', 'SHA1', 'SHA256', 'CRC64NVME'])(
    'the checksum %s goes with objects and parts, in a header',
    async (checksum_algorithm) => {
      const driver = await open({ checksum_algorithm });
      await driver.write('wire/object', Buffer.from('x'));
      await uploadAndMove(driver, Buffer.alloc(11 * MIB, 'x'));
      const sent = requestsWith(`x-amz-checksum-${checksum_algorithm.toLowerCase()}`);
      expect(sent.filter(({ path }) => path.includes('partNumber')).length).toBe(3);
      expect(sent.filter(({ path }) => path.includes('wire/object')).length).toBe(1);
      expect(requestsWith('x-amz-trailer').length).toBe(0);
    },
  );

  test('checksum_disabled wins over checksum_algorithm', async () => {
    const driver = await open({ checksum_algorithm: 'CRC32', checksum_disabled: true });
    await driver.write('wire/object', Buffer.from('x'));
    expect(proxy.requests.flatMap(({ headers }) => Object.keys(headers)).join()).not.toContain('checksum');
  });

  test('useragent is part of the user agent', async () => {
    const driver = await open({ useragent: 'our-registry/7' });
    await driver.write('wire/object', Buffer.from('x'));
    expect(proxy.requests[0]?.headers['user-agent']).toMatch(/^aws-sdk-js\/.* our-registry\/7$/);
  });

  test('sessiontoken goes with each call and into signed URLs', async () => {
    const driver = await open({ sessiontoken: 'temporary' });
    await driver.write('wire/object', Buffer.from('x'));
    expect(proxy.requests[0]?.headers['x-amz-security-token']).toBe('temporary');
    const url = await driver.redirectUrl('wire/object', { method: 'GET', expiresIn: 60_000 });
    expect(url.searchParams.get('X-Amz-Security-Token')).toBe('temporary');
  });

  test('signed URLs name redirectendpoint and are good there', async () => {
    const driver = await open({ redirectendpoint: moto.endpoint });
    await driver.write('wire/object', Buffer.from('redirected'));
    const url = await driver.redirectUrl('wire/object', { method: 'GET', expiresIn: 60_000 });
    expect(url.origin).toBe(moto.endpoint);
    expect(await (await fetch(url)).text()).toBe('redirected');
  });

  test.each([
    [0, 1],
    [2, 3],
  ])('with %d retries a call is made %d times', async (maxretries, calls) => {
    const driver = await open({ maxretries });
    proxy.inject({ times: Number.POSITIVE_INFINITY, fault: 'status-500' });
    await expect(driver.write('wire/object', Buffer.from('x'))).rejects.toThrow(/S3 answered 500/);
    expect(proxy.requests).toHaveLength(calls);
  });

  test('maxrequestspersecond lets a second of calls through at once, and then as many as it says', async () => {
    const driver = await open({ maxrequestspersecond: 20 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const start = performance.now();
    await Promise.all(Array.from({ length: 30 }, (_, index) => driver.write(`wire/${index}`, Buffer.from('x'))));
    const seconds = (performance.now() - start) / 1000;
    expect(seconds).toBeGreaterThan(0.4);
    expect(proxy.requests).toHaveLength(30);
  });

  test('loglevel tells of each call, with its repetitions, and without anything secret', async () => {
    const calls: StorageCall[] = [];
    const listener = (call: unknown) => calls.push(call as StorageCall);
    STORAGE_CALLS.subscribe(listener);
    try {
      const quiet = await open();
      await quiet.write('wire/quiet', Buffer.from('x'));
      expect(calls).toEqual([]);
      const driver = await open({ loglevel: 'debug' });
      calls.length = 0;
      proxy.inject({ fault: 'reset' });
      await driver.write('wire/object', Buffer.from('x'));
      await driver.stat('wire/missing').catch(() => {});
      expect(calls).toEqual([
        expect.objectContaining({ driver: 's3', call: 'PutObject', object: 'wire/object', status: 200, attempts: 2 }),
        expect.objectContaining({ call: 'HeadObject', object: 'wire/missing', status: 404, error: 'NotFound' }),
      ]);
      expect(JSON.stringify(calls)).not.toMatch(/test|Signature|Credential/);
    } finally {
      STORAGE_CALLS.unsubscribe(listener);
    }
  });

  test('a store that answers with more than the range that was asked for is understood', async () => {
    const driver = await open();
    await driver.write('wire/object', Buffer.from('0123456789'));
    const whole200 = { status: 200, headers: { 'content-type': 'binary/octet-stream' }, body: '0123456789' };
    for (const [start, end, expected] of [
      [2, 4, '234'],
      [0, 3, '0123'],
      [8, 20, '89'],
      [10, 20, ''],
    ] as const) {
      proxy.clear();
      proxy.inject({ method: 'GET', fault: whole200 });
      expect((await readObject(await driver.read('wire/object', { start, end }))).toString()).toBe(expected);
      expect(proxy.requests).toHaveLength(1);
    }
    proxy.inject({
      method: 'GET',
      fault: { status: 206, headers: { 'content-range': 'bytes 0-2/10' }, body: '012' },
    });
    await expect(driver.read('wire/object', { start: 2, end: 4 })).rejects.toThrow(
      'the store was asked for the bytes from 2 on, and answered with "bytes 0-2/10"',
    );
  });

  test('an error in an answer of 200 is one, and the call is made again', async () => {
    const driver = await open();
    await driver.write('wire/from', Buffer.from('copied'));
    proxy.inject({
      path: /wire\/to/,
      fault: {
        status: 200,
        headers: { 'content-type': 'application/xml' },
        body: '<?xml version="1.0"?>\n<Error><Code>InternalError</Code><Message>try again</Message></Error>',
      },
    });
    await driver.move('wire/from', 'wire/to');
    expect((await readObject(await driver.read('wire/to'))).toString()).toBe('copied');
  });

  test('the parts of an upload go over a few connections, which are kept', async () => {
    const driver = await open();
    const upload = await driver.openUpload('wire/connections/data');
    proxy.clear();
    await upload.append(whole(Buffer.alloc(31 * MIB)));
    await upload.complete();
    const connections = new Set(proxy.requests.map(({ connection }) => connection));
    expect(proxy.requests.length).toBeGreaterThan(8);
    // The parts that are sent at the same time.
    expect(connections.size).toBeLessThanOrEqual(3);
  });
});

async function* whole(bytes: Buffer): AsyncIterable<Uint8Array> {
  yield bytes;
}
