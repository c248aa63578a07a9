import { readFileSync } from 'node:fs';
import type { TokenCredential } from '@azure/identity';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { storageSchema } from '../../../registry-image/src/config/storage-schema.ts';
import { AzureDriver } from '../../../registry-image/src/storage/azure.ts';
import { type AzureOptions, createAzureClient } from '../../../registry-image/src/storage/azure-client.ts';
import { CheckedDriver } from '../../../registry-image/src/storage/checked-driver.ts';
import { openStorageDriver } from '../../../registry-image/src/storage/open-driver.ts';
import { ObjectNotFoundError } from '../../../registry-image/src/storage/storage-driver.ts';
import { keepSelfSigned } from '../../../registry-image/src/tls/self-signed.ts';
import { type Azurite, describeWithAzurite, startAzurite } from '../../support/azurite.ts';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { HttpClient } from '../../support/http-client.ts';
import { readObject } from '../../support/read-object.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';
import { azureOptions, createContainer } from './azurite-container.ts';
import { describeDriver } from './driver-suite.ts';

const MIB = 1024 ** 2;

describeWithAzurite('Azure', () => {
  describeDriver('azure', async () => {
    const azurite = await startAzurite();
    const options = azureOptions(azurite);
    await createContainer(options);
    return { driver: await AzureDriver.open(options), reopen: () => AzureDriver.open(options), stop: azurite.stop };
  });

  describeDriver(
    'azure, with a folder in the container and names as older registries of GitLab write them,',
    async () => {
      const azurite = await startAzurite();
      const options = azureOptions(azurite, { rootdirectory: '/some/folder/', legacyrootprefix: true });
      await createContainer(options);
      return { driver: await AzureDriver.open(options), reopen: () => AzureDriver.open(options), stop: azurite.stop };
    },
  );

  describe('the Azure driver', () => {
    let azurite: Azurite;
    let options: AzureOptions;

    beforeAll(async () => {
      azurite = await startAzurite();
      options = azureOptions(azurite);
      await createContainer(options);
    });
    afterAll(() => azurite?.stop());

    const withContainer = async (settings: Record<string, unknown> = {}) => {
      const chosen = azureOptions(azurite, settings);
      const { service, close } = await createAzureClient(chosen);
      const driver = new CheckedDriver(await AzureDriver.open(chosen));
      const end = async () => {
        close();
        await driver.close();
      };
      return { container: service.getContainerClient(chosen.container), driver, end };
    };

    test('takes no notice of the empty blobs by which other tools mark folders', async () => {
      const { container, driver, end } = await withContainer();
      await container.getBlockBlobClient('marked/folder/').upload('', 0);
      await driver.write('marked/folder/object', Buffer.from('x'));
      const keys = [];
      for await (const { key } of driver.list('marked/')) keys.push(key);
      expect(keys).toEqual(['marked/folder/object']);
      await end();
    });

    test.each([
      ['', false, 'docker/link'],
      ['/registry/', false, 'registry/docker/link'],
      ['', true, '/docker/link'],
      ['registry', true, '/registry/docker/link'],
    ])(
      'keeps its blobs below rootdirectory %j, with legacyrootprefix %j as %s',
      async (rootdirectory, legacyrootprefix, name) => {
        const { container, driver, end } = await withContainer({ rootdirectory, legacyrootprefix });
        await driver.write('docker/link', Buffer.from(name));
        expect((await container.getBlobClient(name).downloadToBuffer()).toString()).toBe(name);
        expect(driver.resource).toBe(`${options.serviceurl}/registry-images/${name.replace('docker/link', '')}`);
        await end();
      },
    );

    test('reads the append blobs that distribution has written, and replaces them', async () => {
      const { container, driver, end } = await withContainer();
      const blob = container.getAppendBlobClient('distribution/link');
      await blob.create();
      await blob.appendBlock('old', 3);
      expect((await readObject(await driver.read('distribution/link'))).toString()).toBe('old');
      await driver.write('distribution/link', Buffer.from('new'));
      expect((await readObject(await driver.read('distribution/link'))).toString()).toBe('new');
      await end();
    });

    test('shows nobody an upload that is not complete, and leaves no blocks of one that is cancelled', async () => {
      const { container, driver, end } = await withContainer();
      const key = 'uploads/cancelled/data';
      const upload = await driver.openUpload(key);
      await upload.append(zeros(6 * MIB));
      const blocks = async () => (await container.getBlockBlobClient(key).getBlockList('all')).uncommittedBlocks ?? [];
      expect(await blocks()).toHaveLength(1);
      await expect(driver.stat(key)).rejects.toBeInstanceOf(ObjectNotFoundError);
      await upload.cancel();
      await driver.write(key, Buffer.from('x'));
      expect(await blocks()).toEqual([]);
      await end();
    });

    test('is opened from a configuration, whose permissions are those of its key', async () => {
      const { accountname, accountkey, container, serviceurl } = options;
      const driver = await openStorageDriver(
        storageSchema.parse({ azure: { accountname, accountkey, container, serviceurl } }),
      );
      await driver.write('from/configuration', Buffer.from('x'));
      expect((await driver.stat('from/configuration')).size).toBe(1);
      expect(driver.permissions).toEqual({});
      await driver.close();
    });

    test('says what to do when the container does not exist', async () => {
      await expect(AzureDriver.open(azureOptions(azurite, { container: 'another' }))).rejects.toThrow(
        /^Azure answered 404 ContainerNotFound .* there is no container "another" in the account devstoreaccount1; create it, or correct storage\.azure\.container and storage\.azure\.accountname$/,
      );
    });

    test('says what to do when the key is another one, and does not say the key', async () => {
      const accountkey = Buffer.from('another key').toString('base64');
      const failure = await AzureDriver.open(azureOptions(azurite, { accountkey })).catch((error) => error);
      expect(failure.message).toMatch(
        /^Azure answered 403 .* storage\.azure\.accountname and storage\.azure\.accountkey do not go together/,
      );
      expect(failure.message).not.toContain(accountkey);
    });

    test('says which host does not answer', async () => {
      const serviceurl = 'http://127.0.0.1:1/devstoreaccount1';
      await expect(AzureDriver.open(azureOptions(azurite, { serviceurl, retry_delay: '1ms' }))).rejects.toThrow(
        /^Azure did not answer at 127\.0\.0\.1:1 \(.*ECONNREFUSED.*\); check the network/,
      );
    });

    describe('signs URLs', () => {
      const signed = async (settings: Record<string, unknown> = {}, expiresIn = 90_000) => {
        const { driver, end } = await withContainer(settings);
        await driver.write('signed/with+odd/name', Buffer.from('0123456789'));
        const url = (await driver.redirectUrl?.('signed/with+odd/name', { method: 'GET', expiresIn })) as URL;
        await end();
        return url;
      };

      test('that read an object, or part of it, without credentials', async () => {
        const url = await signed();
        expect(await (await fetch(url)).text()).toBe('0123456789');
        expect(await (await fetch(url, { headers: { Range: 'bytes=2-4' } })).text()).toBe('234');
        expect((await fetch(url, { method: 'HEAD' })).headers.get('content-length')).toBe('10');
      });

      test('that are good for this one object and for reading only', async () => {
        const url = await signed();
        expect(url.searchParams.get('sp')).toBe('r');
        const headers = { 'x-ms-blob-type': 'BlockBlob' };
        expect((await fetch(url, { method: 'PUT', headers, body: 'changed' })).status).toBe(403);
        expect((await fetch(url, { method: 'DELETE' })).status).toBe(403);
        url.pathname = url.pathname.replace('/name', '/another');
        expect((await fetch(url)).status).toBe(403);
      });

      test('that are refused once they have expired, or when they are tampered with', async () => {
        expect((await fetch(await signed({}, -60_000))).status).toBe(403);
        const url = await signed();
        url.searchParams.set('se', '2099-01-01T00:00:00Z');
        expect((await fetch(url)).status).toBe(403);
      });

      test.each([
        [
          undefined,
          /^http:\/\/127\.0\.0\.1:\d+\/devstoreaccount1\/registry-images\/signed\/with%2Bodd\/name\?/,
          'https,http',
        ],
        [
          'https://images.example.com/',
          /^https:\/\/images\.example\.com\/devstoreaccount1\/registry-images\//,
          'https',
        ],
        ['http://localhost:8080', /^http:\/\/localhost:8080\/devstoreaccount1\/registry-images\//, 'https,http'],
      ])('with the redirectendpoint %s', async (redirectendpoint, expected, protocols) => {
        const url = await signed({ redirectendpoint });
        expect(url.href).toMatch(expected);
        expect(url.searchParams.get('spr')).toBe(protocols);
      });

      test('that lead to the same object by another host', async () => {
        const { port } = new URL(azurite.endpoint);
        const url = await signed({ redirectendpoint: `http://localhost:${port}` });
        expect(url.hostname).toBe('localhost');
        const answer = await new HttpClient(`http://127.0.0.1:${port}`).request('GET', url.pathname + url.search);
        expect(answer.text).toBe('0123456789');
      });
    });

    describe('over answers that the stand-in never gives', () => {
      let proxy: FaultProxy;
      let driver: CheckedDriver;

      beforeAll(async () => {
        proxy = await startFaultProxy(new URL(azurite.endpoint).origin);
        const settings = { serviceurl: `${proxy.url}/${azurite.account}`, retry_delay: '1ms' };
        driver = new CheckedDriver(await AzureDriver.open(azureOptions(azurite, settings)));
      });
      beforeEach(() => proxy.clear());
      afterAll(async () => {
        await driver?.close();
        await proxy?.stop();
      });

      const answer = (status: number, code: string) => ({ status, headers: { 'x-ms-error-code': code } });
      const copyState = (state: string, rest: Record<string, string> = {}) => ({
        status: 200,
        headers: { 'x-ms-copy-id': 'copy', 'x-ms-copy-status': state, ...rest },
      });
      const COPYING = { status: 202, headers: { 'x-ms-copy-id': 'copy', 'x-ms-copy-status': 'pending' } };

      test('lists more objects than Azure tells at once', async () => {
        const page = (name: string, next: string) => {
          const properties =
            '<Properties><Content-Length>7</Content-Length><BlobType>BlockBlob</BlobType></Properties>';
          const blobs = `<Blobs><Blob><Name>paged/${name}</Name>${properties}</Blob></Blobs>`;
          const body = `<?xml version="1.0"?><EnumerationResults>${blobs}<NextMarker>${next}</NextMarker></EnumerationResults>`;
          return { status: 200, headers: { 'content-type': 'application/xml' }, body };
        };
        proxy.inject({ nth: 1, fault: page('one', 'after one') });
        proxy.inject({ nth: 2, fault: page('two', '') });
        const listed = [];
        for await (const { key, size } of driver.list('paged/')) listed.push([key, size]);
        expect(listed).toEqual([
          ['paged/one', 7],
          ['paged/two', 7],
        ]);
        const markers = proxy.requests.map(({ path }) => new URL(path, proxy.url).searchParams.get('marker'));
        expect(markers).toEqual([null, 'after one']);
      });

      test('deletes an append blob that a block blob cannot replace', async () => {
        proxy.inject({ method: 'PUT', fault: answer(409, 'InvalidBlobType') });
        await driver.write('append/link', Buffer.from('new'));
        expect(proxy.requests.map(({ method }) => method)).toEqual(['PUT', 'DELETE', 'PUT']);
        expect((await driver.stat('append/link')).size).toBe(3);
      });

      test('waits for a copy that is not done at once, and deletes its source only then', async () => {
        await driver.write('pending/from', Buffer.from('moved'));
        proxy.clear();
        proxy.inject({ method: 'PUT', fault: COPYING });
        proxy.inject({ method: 'HEAD', times: 2, fault: copyState('pending', { 'x-ms-copy-progress': '1/5' }) });
        proxy.inject({ method: 'HEAD', nth: 3, fault: copyState('success') });
        await driver.move('pending/from', 'pending/to');
        expect(proxy.requests.map(({ method }) => method)).toEqual(['PUT', 'HEAD', 'HEAD', 'HEAD', 'DELETE']);
      });

      test('keeps the source of a copy that fails, and nothing at its target', async () => {
        await driver.write('failing/from', Buffer.from('kept'));
        await driver.write('failing/to', Buffer.alloc(0));
        proxy.inject({ method: 'PUT', fault: COPYING });
        const reason = { 'x-ms-copy-status-description': '500 InternalServerError' };
        proxy.inject({ method: 'HEAD', fault: copyState('failed', reason) });
        await expect(driver.move('failing/from', 'failing/to')).rejects.toThrow(
          /could not move to failing\/to .* Azure could not copy it: failed, 500 InternalServerError$/,
        );
        await expect(driver.stat('failing/to')).rejects.toBeInstanceOf(ObjectNotFoundError);
        expect((await driver.stat('failing/from')).size).toBe(4);
      });

      test('waits for the copy of another process to the same target, and copies after it', async () => {
        await driver.write('raced/from', Buffer.from('moved'));
        proxy.inject({ method: 'PUT', fault: answer(409, 'PendingCopyOperation') });
        proxy.inject({ method: 'HEAD', fault: copyState('success') });
        await driver.move('raced/from', 'raced/to');
        expect((await readObject(await driver.read('raced/to'))).toString()).toBe('moved');
      });

      test('does not take the page of a proxy for an object that is missing', async () => {
        proxy.inject({ fault: { status: 404, headers: { 'content-type': 'text/html' }, body: '<html></html>' } });
        const failure: unknown = await driver.stat('some/object').catch((error) => error);
        expect(failure).not.toBeInstanceOf(ObjectNotFoundError);
        expect((failure as Error).message).toMatch(/Azure answered 404/);
      });
    });

    test('makes no call again once it is closed', async () => {
      const proxy = await startFaultProxy(new URL(azurite.endpoint).origin);
      const settings = { serviceurl: `${proxy.url}/${azurite.account}`, retry_delay: '1m' };
      const driver = await AzureDriver.open(azureOptions(azurite, settings));
      proxy.clear();
      proxy.inject({ fault: 'reset' });
      const write = driver.write('closed', Buffer.from('x'));
      const failed = expect(write).rejects.toThrow(/Azure did not answer/);
      while (proxy.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await driver.close();
      await failed;
      expect(proxy.requests).toHaveLength(1);
      await proxy.stop();
    });

    test('says what is missing when there is no identity, and asks for it over TLS only', async () => {
      const before = process.env.AZURE_TOKEN_CREDENTIALS;
      process.env.AZURE_TOKEN_CREDENTIALS = 'EnvironmentCredential';
      try {
        const settings = { accountkey: undefined, serviceurl: 'https://127.0.0.1:1/devstoreaccount1' };
        await expect(AzureDriver.open(azureOptions(azurite, settings))).rejects.toThrow(
          /^there is no token for the account devstoreaccount1 \(\w+: .+\); give the machine a managed identity, or set storage\.azure\.accountkey or storage\.azure\.credentials$/,
        );
      } finally {
        if (before === undefined) delete process.env.AZURE_TOKEN_CREDENTIALS;
        else process.env.AZURE_TOKEN_CREDENTIALS = before;
      }
    });
  });

  describe('the Azure driver, with an identity in place of a key,', () => {
    let directory: TemporaryDirectory;
    let azurite: Azurite;
    let ca: string;
    let driver: CheckedDriver;

    beforeAll(async () => {
      directory = temporaryDirectory('azure-tls');
      const files = await keepSelfSigned(directory.path, ['127.0.0.1']);
      ca = readFileSync(files.authority, 'utf8');
      azurite = await startAzurite({ tls: files });
      await createContainer(azureOptions(azurite), { ca });
      const options = azureOptions(azurite, { accountkey: undefined });
      driver = new CheckedDriver(await AzureDriver.open(options, { identity: unsignedTokens(), ca }));
    });
    afterAll(async () => {
      await driver?.close();
      await azurite?.stop();
      directory?.remove();
    });

    test('keeps, moves and lists objects, small ones and those in blocks', async () => {
      const bytes = Buffer.alloc(12 * MIB, 'identity');
      const upload = await driver.openUpload('uploads/identity/data');
      await upload.append(
        (async function* () {
          yield bytes;
        })(),
      );
      await upload.complete();
      await driver.move('uploads/identity/data', 'blobs/identity/data');
      expect((await readObject(await driver.read('blobs/identity/data'))).equals(bytes)).toBe(true);
      const keys = [];
      for await (const { key } of driver.list('')) keys.push(key);
      expect(keys).toEqual(['blobs/identity/data']);
    });

    test('signs URLs with a key that Azure gives it, over HTTPS only', async () => {
      await driver.write('signed', Buffer.from('0123456789'));
      const client = new HttpClient(new URL(azurite.endpoint).origin, ca);
      const sign = async (expiresIn: number) =>
        (await driver.redirectUrl?.('signed', { method: 'GET', expiresIn })) as URL;
      const url = await sign(90_000);
      expect(url.protocol).toBe('https:');
      expect(Object.fromEntries(url.searchParams)).toMatchObject({ sp: 'r', spr: 'https', skoid: expect.any(String) });
      expect((await client.request('GET', url.pathname + url.search)).text).toBe('0123456789');
      const head = await client.request('HEAD', url.pathname + url.search);
      expect(head.header('content-length')).toBe('10');

      url.searchParams.set('se', '2099-01-01T00:00:00Z');
      expect((await client.request('GET', url.pathname + url.search)).status).toBe(403);
      const expired = await sign(-60_000);
      expect((await client.request('GET', expired.pathname + expired.search)).status).toBe(403);
    });

    test('names every permission that it needs', () => {
      const permissions = Object.values(driver.permissions ?? {}).flat();
      expect([...new Set(permissions)].sort()).toEqual([
        'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete',
        'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read',
        'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write',
        'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action',
      ]);
    });
  });
});

/** Azurite looks at what a token says, and not at its signature. */
function unsignedTokens(): TokenCredential {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    getToken: async () => {
      const now = Math.floor(Date.now() / 1000);
      const id = '11111111-2222-3333-4444-555555555555';
      const claims = {
        aud: 'https://storage.azure.com',
        iss: `https://sts.windows.net/${id}/`,
        iat: now - 60,
        nbf: now - 60,
        exp: now + 3600,
        oid: id,
        tid: id,
      };
      const token = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${part('unsigned')}`;
      return { token, expiresOnTimestamp: (now + 3600) * 1000 };
    },
  };
}

async function* zeros(size: number): AsyncIterable<Uint8Array> {
  yield Buffer.alloc(size);
}
