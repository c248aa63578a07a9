import { afterEach, describe, expect, test } from '@jest/globals';
import type { ConfigInput } from '../../registry-image/src/config/schema.ts';
import { image, multiArchitectureImage } from '../support/oci-image.ts';
import type { RegistryClient } from '../support/registry-client.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { expectBlob, expectError, expectManifest, newRepository } from './suite/expectations.ts';

/** What the specification leaves to the registry, and the configuration decides. */
describe('configurations that refuse what others take', () => {
  let registry: RegistryProcess;
  let client: RegistryClient;

  afterEach(async () => {
    client.close();
    await registry.stop();
  });

  async function start(config: Partial<ConfigInput>) {
    registry = await startRegistry({ config });
    client = registry.client();
  }

  // https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#content-management
  test('deletes are 405 unless they are enabled, of tags too, and nothing is lost', async () => {
    await start({ storage: { inmemory: {} }, index: {} });
    const repository = newRepository('no-deletes');
    const pushed = image();
    await client.pushImage(repository, pushed, 'latest');
    for (const path of [
      'manifests/latest',
      `manifests/${pushed.manifest.digest}`,
      `blobs/${pushed.blobs[0]?.digest}`,
    ]) {
      expectError(await client.delete(`/v2/${repository}/${path}`), 405, 'UNSUPPORTED');
    }
    await expectManifest(client, repository, 'latest', pushed.manifest);
    for (const blob of pushed.blobs) await expectBlob(client, repository, blob);
  });

  test('an upload can be cancelled where deletes are disabled', async () => {
    await start({ storage: { inmemory: {} }, index: {} });
    const location = await client.startUpload(newRepository('cancel'));
    expect((await client.delete(location)).status).toBe(204);
  });

  // https://distribution.github.io/distribution/about/configuration/#readonly
  test('a read-only registry serves pulls and refuses every change', async () => {
    await start({});
    const repository = newRepository('read-only');
    const pushed = image();
    await client.pushImage(repository, pushed, 'latest');
    await registry.pause();
    client.close();
    const { directory } = registry;
    const readOnly = await startRegistry({
      directory,
      config: {
        storage: {
          filesystem: { rootdirectory: registry.storageDirectory },
          delete: { enabled: true },
          maintenance: { readonly: { enabled: true } },
        },
      },
    });
    client = readOnly.client();
    try {
      await expectManifest(client, repository, 'latest', pushed.manifest);
      for (const blob of pushed.blobs) await expectBlob(client, repository, blob);
      const refused = [
        await client.request('POST', `/v2/${repository}/blobs/uploads/`),
        await client.putManifest(repository, pushed.manifest, 'other'),
        await client.delete(`/v2/${repository}/manifests/latest`),
        await client.delete(`/v2/${repository}/blobs/${pushed.blobs[0]?.digest}`),
      ];
      for (const answer of refused) {
        expect([405, 503]).toContain(answer.status);
        expectError(answer, answer.status, 'UNSUPPORTED', 'DENIED');
      }
    } finally {
      await readOnly.stop();
    }
  });

  // https://distribution.github.io/distribution/about/configuration/#indexes
  test('an index may name manifests that are absent where the configuration allows it', async () => {
    await start({ validation: { manifests: { indexes: { platforms: 'none' } } } });
    const repository = newRepository('sparse');
    const { manifest, children } = multiArchitectureImage();
    await client.pushManifest(repository, manifest, 'sparse');
    await expectManifest(client, repository, 'sparse', manifest);
    expect((await client.get(`/v2/${repository}/manifests/${children[0]?.manifest.digest}`)).status).toBe(404);
  });

  test('an index must have the platforms of the configured list, and no other', async () => {
    await start({
      validation: { manifests: { indexes: { platforms: 'list', platformlist: [{ architecture: 'amd64' }] } } },
    });
    const repository = newRepository('listed-platforms');
    const { manifest, children } = multiArchitectureImage();
    expectError(await client.putManifest(repository, manifest, 'sparse'), 404, 'MANIFEST_BLOB_UNKNOWN');
    const [amd64] = children;
    if (amd64 !== undefined) await client.pushImage(repository, amd64);
    await client.pushManifest(repository, manifest, 'sparse');
  });
});
