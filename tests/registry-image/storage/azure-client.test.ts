import { ClientSecretCredential, DefaultAzureCredential } from '@azure/identity';
import { describe, expect, test } from '@jest/globals';
import { storageSchema } from '../../../registry-image/src/config/storage-schema.ts';
import {
  type AzureOptions,
  createAzureClient,
  createIdentity,
} from '../../../registry-image/src/storage/azure-client.ts';

const KEY = Buffer.from('a key').toString('base64');

function options(settings: Record<string, unknown>): AzureOptions {
  const { azure } = storageSchema.parse({ azure: { accountname: 'examplecom', container: 'images', ...settings } });
  return azure as AzureOptions;
}

describe('who the server is at Azure', () => {
  test('is the account where there is its key', async () => {
    const { sharedKey, close } = await createAzureClient(options({ accountkey: KEY }));
    expect(sharedKey?.accountName).toBe('examplecom');
    close();
  });

  test('is an application where there is its secret', async () => {
    const credentials = { clientid: 'client', tenantid: 'tenant', secret: 'secret' };
    expect(await createIdentity(options({ credentials }))).toBeInstanceOf(ClientSecretCredential);
  });

  test.each([{}, { credentials: { clientid: 'identity' } }])(
    'is the identity of the machine with %j',
    async (settings) => {
      expect(await createIdentity(options(settings))).toBeInstanceOf(DefaultAzureCredential);
    },
  );

  test.each([
    [{}, 'https://examplecom.blob.core.windows.net/images'],
    [{ realm: 'core.chinacloudapi.cn' }, 'https://examplecom.blob.core.chinacloudapi.cn/images'],
    [{ serviceurl: 'https://private.example.com/account' }, 'https://private.example.com/account/images'],
  ])('is asked for at the endpoint of %j', async (settings, url) => {
    const { service, close } = await createAzureClient(options({ accountkey: KEY, ...settings }));
    expect(service.getContainerClient('images').url).toBe(url);
    close();
  });
});
