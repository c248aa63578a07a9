import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GcsDriver } from '../../../registry-image/src/storage/gcs.ts';
import { type Gcs, startGcs } from '../../support/gcs.ts';
import { gcsOptions, identityAt } from './gcs-opening.ts';

const MINUTE = 60_000;

describe('signed URLs of Cloud Storage', () => {
  let gcs: Gcs;
  let signings: number;

  beforeEach(async () => {
    gcs = await startGcs();
    gcs.bucket.put(gcs.account, 'layers/a b+c/data', Buffer.from('layer'));
    process.env.GCE_METADATA_HOST = gcs.metadataHost;
    signings = 0;
  });
  afterEach(async () => {
    delete process.env.GCE_METADATA_HOST;
    await gcs?.stop();
  });

  /** @param settings without a key: the account of the machine */
  const open = async (settings: Record<string, unknown> = {}) => {
    const options = gcsOptions(gcs, { rootdirectory: 'layers', ...settings });
    const identity = await identityAt(gcs, options);
    return GcsDriver.open(options, {
      hasKey: identity.hasKey,
      headers: () => identity.headers(),
      email: () => identity.email(),
      sign: (content) => {
        signings += 1;
        return identity.sign(content);
      },
    });
  };

  const urlOf = async (driver: GcsDriver, expiresIn = MINUTE, method: 'GET' | 'HEAD' = 'GET') =>
    (await driver.redirectUrl('a b+c/data', { method, expiresIn })) as URL;

  test.each([
    ['the key of a service account', () => ({ credentials: gcs.keyFile() })],
    ['the account of the machine, for which Google signs', () => ({})],
  ])('read the object without further credentials, with %s', async (_who, settings) => {
    const answer = await fetch(await urlOf(await open(settings())));
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('layer');
  });

  test('read a range', async () => {
    const answer = await fetch(await urlOf(await open()), { headers: { range: 'bytes=1-2' } });
    expect([answer.status, await answer.text()]).toEqual([206, 'ay']);
  });

  test('are good for the one method that they were signed for', async () => {
    const driver = await open();
    const head = await urlOf(driver, MINUTE, 'HEAD');
    expect((await fetch(head, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(head)).status).toBe(403);
  });

  test('are refused when anything in them was changed', async () => {
    const url = await urlOf(await open());
    gcs.bucket.put(gcs.account, 'layers/other', Buffer.from('secret'));
    const another = new URL(url);
    another.pathname = '/registry-images/layers/other';
    const longer = new URL(url);
    longer.searchParams.set('X-Goog-Expires', '604800');
    for (const tampered of [another, longer]) expect((await fetch(tampered)).status).toBe(403);
  });

  test('end when their time is over', async () => {
    const url = await urlOf(await open(), 1000);
    await sleep(1100);
    const answer = await fetch(url);
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('ExpiredToken');
  });

  test('are good for seven days at most', async () => {
    const url = await urlOf(await open(), 30 * 24 * 60 * MINUTE);
    expect(url.searchParams.get('X-Goog-Expires')).toBe('604800');
    expect((await fetch(url)).status).toBe(200);
  });

  test.each([
    ['that names the bucket first', 'https://registry-images.storage.googleapis.com', '/layers/a%20b%2Bc/data'],
    ['that is called like the bucket', 'https://registry-images', '/layers/a%20b%2Bc/data'],
    ['of Private Service Connect', 'https://storage-vpc.p.googleapis.com', '/registry-images/layers/a%20b%2Bc/data'],
  ])('name the host %s, and are good for that host only', async (_what, redirectendpoint, path) => {
    const driver = await open({ redirectendpoint });
    const url = await urlOf(driver);
    expect(`${url.origin}${url.pathname}`).toBe(`${redirectendpoint}${path}`);
    const reached = await request(gcs.url, `${url.pathname}${url.search}`, url.host);
    expect([reached.statusCode, await text(reached)]).toEqual([200, 'layer']);
    const elsewhere = await request(gcs.url, `/registry-images/layers/a%20b%2Bc/data${url.search}`, '127.0.0.1');
    expect([elsewhere.statusCode, await text(elsewhere)]).toEqual([
      403,
      expect.stringContaining('SignatureDoesNotMatch'),
    ]);
  });

  test('are signed once for all who ask in the first half of their time', async () => {
    const driver = await open();
    const urls = await Promise.all(Array.from({ length: 50 }, () => urlOf(driver, 2000)));
    expect(new Set(urls.map(String)).size).toBe(1);
    expect(signings).toBe(1);
    await sleep(1100);
    expect(String(await urlOf(driver, 2000))).not.toBe(String(urls[0]));
    expect(signings).toBe(2);
  });

  test('are asked for again when signing has failed', async () => {
    const driver = await open();
    gcs.identity.credentialsApiEnabled = false;
    await expect(urlOf(driver)).rejects.toThrow();
    gcs.identity.credentialsApiEnabled = true;
    expect((await fetch(await urlOf(driver))).status).toBe(200);
  });

  test('cannot be had without the IAM Credentials API, and the error says how to enable it', async () => {
    gcs.identity.credentialsApiEnabled = false;
    await expect(urlOf(await open())).rejects.toThrow(
      'the IAM Credentials API answered 403 to iam.serviceAccounts.signBlob: the API is not enabled; run gcloud services enable iamcredentials.googleapis.com, or set storage.redirect.disable',
    );
  });

  test('cannot be had without iam.serviceAccounts.signBlob on itself, and the error names it', async () => {
    gcs.account.permissions.delete('iam.serviceAccounts.signBlob');
    await expect(urlOf(await open())).rejects.toThrow(
      'the IAM Credentials API answered 403 to iam.serviceAccounts.signBlob: the service account registry@project.iam.gserviceaccount.com is probably not allowed iam.serviceAccounts.signBlob on itself; grant it roles/iam.serviceAccountTokenCreator on itself, or set storage.redirect.disable',
    );
  });
});

/** A request to the stand-in under another name. */
function request(origin: string, path: string, host: string): Promise<IncomingMessage> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    get({ hostname, port, path, headers: { host } }, resolve).on('error', reject);
  });
}
