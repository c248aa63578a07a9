import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { GcsDriver } from '../../../registry-image/src/storage/gcs.ts';
import { GCS_TIME_LIMITS } from '../../../registry-image/src/storage/gcs-http.ts';
import { type Gcs, startGcs } from '../../support/gcs.ts';
import { readObject } from '../../support/read-object.ts';
import { describeDriver } from './driver-suite.ts';
import { gcsOptions, keyIdentity } from './gcs-opening.ts';

const MIB = 1024 ** 2;

describeDriver('gcs', async () => {
  const gcs = await startGcs();
  const open = async () => GcsDriver.open(gcsOptions(gcs), await keyIdentity(gcs));
  return { driver: await open(), reopen: open, stop: gcs.stop };
});

describeDriver('gcs, with a folder in the bucket and small answers,', async () => {
  const gcs = await startGcs({ pageSize: 2, bytesPerRewrite: MIB });
  const open = async () => GcsDriver.open(gcsOptions(gcs, { rootdirectory: '/some/folder/' }), await keyIdentity(gcs));
  return { driver: await open(), reopen: open, stop: gcs.stop };
});

describe('the gcs driver', () => {
  let gcs: Gcs;
  let driver: GcsDriver;

  beforeEach(async () => {
    gcs = await startGcs({ bytesPerRewrite: MIB });
    driver = await GcsDriver.open(gcsOptions(gcs), await keyIdentity(gcs));
  });
  afterEach(async () => {
    await driver?.close();
    await gcs?.stop();
  });

  test('says where its objects are', async () => {
    expect(driver.resource).toBe('gs://registry-images/');
  });

  test('lists more objects than Cloud Storage tells at once', async () => {
    const keys = Array.from({ length: 1003 }, (_, index) => `paged/${String(index).padStart(4, '0')}`);
    for (const key of keys) gcs.bucket.put(gcs.account, key, Buffer.from('x'));
    const found = [];
    for await (const { key } of driver.list('paged/')) found.push(key);
    expect(found).toEqual(keys);
  });

  test('does not list the folders that consoles and synchronisation tools leave', async () => {
    gcs.bucket.put(gcs.account, 'docker/', Buffer.alloc(0));
    gcs.bucket.put(gcs.account, 'docker/registry/', Buffer.alloc(0));
    gcs.bucket.put(gcs.account, 'docker/registry/link', Buffer.from('x'));
    const found = [];
    for await (const { key } of driver.list('')) found.push(key);
    expect(found).toEqual(['docker/registry/link']);
  });

  test('moves an object that Cloud Storage copies in several steps', async () => {
    const bytes = Buffer.alloc(5 * MIB + 7, 'large');
    await driver.write('from', bytes);
    await driver.move('from', 'to');
    expect((await readObject(await driver.read('to'))).equals(bytes)).toBe(true);
    expect(gcs.bucket.names()).toEqual(['to']);
  });

  test('leaves no upload in progress behind, whether it is completed or cancelled', async () => {
    const completed = await driver.openUpload('uploads/1/data');
    await completed.append(bytesOf(6 * MIB));
    const cancelled = await driver.openUpload('uploads/2/data');
    await cancelled.append(bytesOf(6 * MIB));
    expect(gcs.bucket.uploads.ids).toHaveLength(2);
    await completed.complete();
    await cancelled.cancel();
    expect(gcs.bucket.uploads.ids).toEqual([]);
    expect(gcs.bucket.names()).toEqual(['uploads/1/data']);
  });

  test('cancels an upload that the lifecycle rule of the bucket has aborted already', async () => {
    const upload = await driver.openUpload('uploads/1/data');
    await upload.append(bytesOf(6 * MIB));
    for (const id of gcs.bucket.uploads.ids) gcs.bucket.uploads.end('uploads/1/data', id);
    await upload.cancel();
    expect(gcs.bucket.names()).toEqual([]);
  });

  test('says what to do when the bucket does not exist', async () => {
    const options = gcsOptions(gcs, { bucket: 'another-bucket' });
    await expect(GcsDriver.open(options, await keyIdentity(gcs))).rejects.toThrow(
      'Cloud Storage answered 404 notFound (The specified bucket does not exist.) to storage.objects.list: there is no bucket "another-bucket"; create it, or correct storage.gcs.bucket',
    );
  });

  test('names the useragent of the configuration', async () => {
    const agents = new Set<string | undefined>();
    const options = gcsOptions(gcs, { useragent: 'our-registry/1.0' });
    const named = await GcsDriver.open(options, await keyIdentity(gcs));
    gcs.onRequest = ({ headers }) => agents.add(headers['user-agent']);
    await named.write('key', Buffer.from('x'));
    await named.close();
    expect([...agents]).toEqual(['our-registry/1.0']);
  });

  test('makes no more calls at a time than maxconcurrency says, and gets them all done', async () => {
    const limited = await GcsDriver.open(gcsOptions(gcs, { maxconcurrency: 3 }), await keyIdentity(gcs));
    let running = 0;
    let most = 0;
    gcs.onRequest = async () => {
      running += 1;
      most = Math.max(most, running);
      await sleep(5);
      running -= 1;
    };
    const keys = Array.from({ length: 40 }, (_, index) => `limited/${index}`);
    await Promise.all(keys.map((key) => limited.write(key, Buffer.from('x'))));
    await limited.close();
    expect(most).toBe(3);
    expect(gcs.bucket.names()).toHaveLength(40);
  });

  test('reads that nobody goes on with hold up no other call', async () => {
    const limited = await GcsDriver.open(gcsOptions(gcs, { maxconcurrency: 2 }), await keyIdentity(gcs));
    await limited.write('large', Buffer.alloc(8 * MIB));
    const readers = await Promise.all(Array.from({ length: 5 }, () => limited.read('large')));
    expect((await limited.stat('large')).size).toBe(8 * MIB);
    await Promise.all(readers.map((reader) => reader.close()));
    await limited.close();
  });

  test('keeps its connections for the next calls', async () => {
    const ports = new Set<number | undefined>();
    gcs.onRequest = ({ socket }) => ports.add(socket.remotePort);
    for (const index of Array.from({ length: 20 }).keys()) await driver.write(`kept/${index}`, Buffer.from('x'));
    expect(ports.size).toBe(1);
  });
});

describe('the limit of one write of an object in a second', () => {
  let gcs: Gcs;

  beforeAll(async () => {
    gcs = await startGcs({ oneWritePerSecond: true });
  });
  afterAll(() => gcs?.stop());

  test('delays writes that come faster, and loses none', async () => {
    const driver = await GcsDriver.open(gcsOptions(gcs), await keyIdentity(gcs), GCS_TIME_LIMITS);
    for (const text of ['first', 'second', 'third']) await driver.write('tag/link', Buffer.from(text));
    expect((await readObject(await driver.read('tag/link'))).toString()).toBe('third');
    await driver.delete('tag/link');
    expect(gcs.bucket.names()).toEqual([]);
    await driver.close();
  }, 60_000);
});

async function* bytesOf(size: number): AsyncIterable<Uint8Array> {
  yield Buffer.alloc(size);
}
