import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { S3Driver } from '../../../registry-image/src/storage/s3.ts';
import { createS3Client, S3_TIME_LIMITS } from '../../../registry-image/src/storage/s3-client.ts';
import { type FaultProxy, type Injection, startFaultProxy } from '../../support/fault-proxy.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { describeWith } from '../../support/requirements.ts';
import { createBucket, s3Options } from './moto-bucket.ts';

const ALWAYS = { times: Number.POSITIVE_INFINITY };
const XML = { 'content-type': 'application/xml' };

function refusal(status: number, code: string) {
  return {
    status,
    headers: XML,
    body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`,
  };
}

describeWith(['moto_server'], 'a store that speaks the protocol of S3', () => {
  let moto: Moto;
  let proxy: FaultProxy;

  beforeAll(async () => {
    moto = await startMoto();
    await createBucket(s3Options(moto));
    proxy = await startFaultProxy(moto.endpoint);
  });
  afterEach(() => proxy.clear());
  afterAll(async () => {
    await proxy?.stop();
    await moto?.stop();
  });

  async function open(): Promise<S3Driver> {
    const options = s3Options(moto, { regionendpoint: proxy.url });
    return S3Driver.open(options, { client: createS3Client(options, { ...S3_TIME_LIMITS, firstPauseMs: 1 }) });
  }

  async function left(): Promise<unknown[]> {
    const options = s3Options(moto);
    const client = createS3Client(options);
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: options.bucket }));
    const driver = await S3Driver.open(options, { client });
    const keys = [];
    for await (const { key } of driver.list('')) keys.push(key);
    await driver.close();
    return [...keys, ...Uploads];
  }

  test('is tried with a few requests when it is opened, and nothing is left of that', async () => {
    const driver = await open();
    expect(proxy.requests.length).toBeGreaterThan(10);
    expect(proxy.requests.length).toBeLessThan(30);
    await driver.close();
    expect(await left()).toEqual([]);
  });

  test.each<[string, Injection, RegExp]>([
    [
      'ignores ranges and has other bytes',
      { method: 'GET', path: /object\?x-id=GetObject/, fault: { status: 200, body: 'other bytes' } },
      /does not give back a range of what was written: 1 bytes came, which are not the 10/,
    ],
    [
      'does not list what was written',
      {
        method: 'GET',
        path: /list-type=2&prefix=uploads/,
        fault: { status: 200, headers: XML, body: '<ListBucketResult></ListBucketResult>' },
      },
      /does not list what was written within two seconds: the list does not have it/,
    ],
    [
      'does not copy',
      { method: 'PUT', path: /copy\?x-id=CopyObject/, fault: refusal(501, 'NotImplemented') },
      /does not copy objects: S3 answered 501 NotImplemented \(no\) to s3:PutObject: the store does not know what was asked for/,
    ],
    [
      'does not copy parts',
      { method: 'PUT', path: /x-id=UploadPartCopy/, fault: refusal(501, 'NotImplemented') },
      /does not copy objects in parts \(UploadPartCopy\): .*\(set multipartcopythresholdsize to 5368709120/,
    ],
    [
      'has no multipart uploads',
      { method: 'POST', path: /upload\?uploads/, fault: refusal(405, 'MethodNotAllowed') },
      /does not put parts together to what they were \(multipart uploads\): no/,
    ],
    [
      'knows objects that do not exist',
      { method: 'HEAD', path: /missing/, fault: { status: 200, headers: { 'content-length': '0' } } },
      /does not say that an object does not exist \(404\): it says that there is one/,
    ],
  ])('that %s is refused at start', async (_what, fault, message) => {
    proxy.inject({ ...ALWAYS, ...fault });
    const error: Error = await open().then(
      () => new Error('was opened'),
      (failure) => failure,
    );
    expect(error.message).toMatch(/^the store does not do what a registry needs:\n {2}it does not [^\n]+$/);
    expect(error.message).toMatch(message);
    proxy.clear();
    expect(await left()).toEqual([]);
  });

  test('is refused for everything at once', async () => {
    proxy.inject({ ...ALWAYS, path: /CopyObject/, fault: refusal(501, 'NotImplemented') });
    proxy.inject({ ...ALWAYS, path: /UploadPartCopy/, fault: refusal(501, 'NotImplemented') });
    await expect(open()).rejects.toThrow(/does not copy objects: [^\n]+\n {2}it does not copy objects in parts/);
  });

  test('that lets the identity only read is opened: what is missing is named when it is needed', async () => {
    proxy.inject({ ...ALWAYS, method: 'PUT', fault: refusal(403, 'AccessDenied') });
    proxy.inject({ ...ALWAYS, method: 'POST', fault: refusal(403, 'AccessDenied') });
    const driver = await open();
    await expect(driver.write('x', Buffer.from('x'))).rejects.toThrow(/not allowed s3:PutObject/);
    await driver.close();
  });
});
