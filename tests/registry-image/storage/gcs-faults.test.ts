import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { GcsDriver } from '../../../registry-image/src/storage/gcs.ts';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { type Gcs, startGcs } from '../../support/gcs.ts';
import { describeFaults } from './fault-suite.ts';
import { gcsOptions, keyIdentity } from './gcs-opening.ts';

const LIMITS = { connectMs: 500, idleMs: 700, firstPauseMs: 10 };

describeFaults('gcs', async () => {
  const gcs = await startGcs({ bytesPerRewrite: 1024 ** 2 });
  return {
    target: gcs.url,
    partBytes: 5 * 1024 ** 2,
    secrets: ['PRIVATE KEY', 'ya29.', 'Bearer'],
    open: async (endpoint) => GcsDriver.open(gcsOptions(gcs, { endpoint }), await keyIdentity(gcs), LIMITS),
    stop: gcs.stop,
  };
});

describe('the gcs driver, over a network that fails,', () => {
  let gcs: Gcs;
  let proxy: FaultProxy;
  let driver: GcsDriver;

  beforeAll(async () => {
    gcs = await startGcs();
    proxy = await startFaultProxy(gcs.url);
    driver = await GcsDriver.open(gcsOptions(gcs, { endpoint: proxy.url }), await keyIdentity(gcs), LIMITS);
  });
  afterAll(async () => {
    await driver?.close();
    await proxy?.stop();
    await gcs?.stop();
  });

  test('says where it tried to go, how often, and what is to be checked', async () => {
    proxy.inject({ times: Number.POSITIVE_INFINITY, fault: 'reset' });
    await expect(driver.stat('key')).rejects.toThrow(
      /^GET http:\/\/127\.0\.0\.1:\d+ got no answer in 7 tries \(the last one: .*ECONNRESET\); check the network of this machine, its DNS and its way out to Google, and storage\.gcs\.endpoint$/,
    );
    proxy.clear();
  });

  test('does not ask again for what is refused for good', async () => {
    proxy.clear();
    proxy.inject({ times: Number.POSITIVE_INFINITY, fault: { status: 403, body: '{"error": {"message": "no"}}' } });
    await expect(driver.stat('key')).rejects.toThrow(/answered 403 \(no\) to storage\.objects\.get/);
    expect(proxy.requests).toHaveLength(1);
    proxy.clear();
  });

  test('survives an answer of the JSON API that was cut off by something in between', async () => {
    proxy.inject({ times: Number.POSITIVE_INFINITY, fault: { status: 400, body: '{"error": {' } });
    await expect(driver.stat('key')).rejects.toThrow('Cloud Storage answered 400 to storage.objects.get');
    proxy.clear();
  });

  test('says what is missing when something else than Cloud Storage answers', async () => {
    proxy.inject({ path: /\?uploads/, fault: { status: 200, body: '<html>welcome</html>' } });
    const upload = await driver.openUpload('uploads/1/data');
    const append = upload.append(
      (async function* () {
        yield Buffer.alloc(6 * 1024 ** 2);
      })(),
    );
    await expect(append).rejects.toThrow(
      'the answer of Cloud Storage lacks the id of the upload that was begun; check what stands at storage.gcs.endpoint',
    );
    proxy.clear();
  });
});
