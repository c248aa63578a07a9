import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { storageSchema } from '../../../registry-image/src/config/storage-schema.ts';
import {
  type AzureClient,
  type AzureOptions,
  createAzureClient,
} from '../../../registry-image/src/storage/azure-client.ts';
import { AzureContainer } from '../../../registry-image/src/storage/azure-container.ts';
import { AzureSigner } from '../../../registry-image/src/storage/azure-signer.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How the requests for a key that signs are seen: from when until when it is to be valid. */
interface KeyRequest {
  readonly startsOn: Date;
  readonly expiresOn: Date;
}

describe('URLs that an identity signs', () => {
  let client: AzureClient;
  let signer: AzureSigner;
  let requests: KeyRequest[];
  let failure: Error | undefined;

  beforeEach(async () => {
    jest.useFakeTimers({
      doNotFake: ['nextTick', 'setImmediate', 'setTimeout'],
      now: new Date('2026-05-01T12:00:00Z'),
    });
    requests = [];
    failure = undefined;
    const { azure } = storageSchema.parse({ azure: { accountname: 'examplecom', container: 'images' } });
    const options = azure as AzureOptions;
    client = await createAzureClient(options, { identity: { getToken: async () => null } });
    const getUserDelegationKey = async (startsOn: Date, expiresOn: Date) => {
      requests.push({ startsOn, expiresOn });
      if (failure !== undefined) throw failure;
      return { ...KEY, signedStartsOn: startsOn, signedExpiresOn: expiresOn };
    };
    Object.assign(client.service, { getUserDelegationKey });
    signer = new AzureSigner(options, client, new AzureContainer(options, client));
  });
  afterEach(() => {
    client.close();
    jest.useRealTimers();
  });

  test('are made with one key, however many are asked for at once', async () => {
    const urls = await Promise.all(Array.from({ length: 20 }, (_, index) => signer.sign(`key-${index}`, 20 * MINUTE)));
    expect(requests).toHaveLength(1);
    expect(new Set(urls.map(({ pathname }) => pathname)).size).toBe(20);
    expect(urls[0]?.origin).toBe('https://examplecom.blob.core.windows.net');
    expect(urls[0]?.searchParams.get('se')).toBe('2026-05-01T12:20:00Z');
  });

  test('are made with a new key after an hour, and every key outlives its URLs', async () => {
    await signer.sign('key', 20 * MINUTE);
    jest.setSystemTime(Date.now() + 59 * MINUTE);
    const url = await signer.sign('key', 20 * MINUTE);
    expect(requests).toHaveLength(1);
    expect(Date.parse(url.searchParams.get('se') as string)).toBe(Date.now() + 20 * MINUTE);
    expect(requests[0]?.expiresOn.getTime()).toBeGreaterThan(Date.now() + 20 * MINUTE);
    jest.setSystemTime(Date.now() + 2 * MINUTE);
    await signer.sign('key', 20 * MINUTE);
    expect(requests).toHaveLength(2);
  });

  test('are made with a new key when they are to live longer than the one at hand', async () => {
    await signer.sign('key', 20 * MINUTE);
    await signer.sign('key', 5 * HOUR);
    expect(requests).toHaveLength(2);
  });

  test('live for seven days at most, with one key an hour all the same', async () => {
    const start = Date.now();
    await signer.sign('key', 7 * DAY);
    jest.setSystemTime(start + 10 * MINUTE);
    const url = await signer.sign('key', 7 * DAY);
    expect(requests).toHaveLength(1);
    expect(Date.parse(url.searchParams.get('se') as string)).toBe(start + 7 * DAY);
  });

  test('are valid at once for a clock that is behind', async () => {
    const url = await signer.sign('key', 20 * MINUTE);
    expect(url.searchParams.has('st')).toBe(false);
    expect(requests[0]?.startsOn.getTime()).toBeLessThanOrEqual(Date.now() - 10 * MINUTE);
  });

  test('are made again after a key could not be had', async () => {
    failure = new Error('the network is down');
    await expect(signer.sign('key', 20 * MINUTE)).rejects.toThrow('the network is down');
    failure = undefined;
    await signer.sign('key', 20 * MINUTE);
    expect(requests).toHaveLength(2);
  });
});

const KEY = {
  signedObjectId: '11111111-2222-3333-4444-555555555555',
  signedTenantId: '66666666-7777-8888-9999-000000000000',
  signedService: 'b',
  signedVersion: '2026-10-06',
  value: Buffer.from('a key that signs').toString('base64'),
};
