import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithAzurite } from '../support/azurite.ts';
import { type AzuriteRegistry, startAzuriteRegistry } from '../support/azurite-registry.ts';
import { type Image, image } from '../support/oci-image.ts';
import type { RegistryClient } from '../support/registry-client.ts';
import { describeWith } from '../support/requirements.ts';
import { tryCommand } from '../support/run-command.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const MIB = 1024 ** 2;

describeWithAzurite('a registry that sends clients to Azure', () => {
  let place: AzuriteRegistry;
  let client: RegistryClient;
  let pushed: Image;

  beforeAll(async () => {
    place = await startAzuriteRegistry({ redirect: true, settings: { chunksize: 5 * MIB } });
    client = place.registry.client();
    pushed = image({ layerSize: 11 * MIB });
    await client.pushImage('group/app', pushed, 'v1');
  });
  afterAll(async () => {
    client?.close();
    await place?.stop();
  });

  const blobPath = () => `/v2/group/app/blobs/${pushed.blobs[1]?.digest}`;

  describeWith(['skopeo'], 'skopeo', () => {
    test('pulls layers of many blocks by signed URLs', async () => {
      const directory = temporaryDirectory('skopeo');
      try {
        const remote = `docker://${place.registry.host}/group/app:v1`;
        const args = ['--insecure-policy', 'copy', '--src-tls-verify=false', remote, `dir:${directory.path}/pulled`];
        expect(await tryCommand('skopeo', args)).toMatchObject({ exitCode: 0 });
        for (const { digest, bytes } of pushed.blobs) {
          const pulled = readFileSync(path.join(directory.path, 'pulled', digest.split(':')[1] as string));
          expect(pulled.equals(bytes)).toBe(true);
        }
      } finally {
        directory.remove();
      }
    });
  });

  test('GET of a blob names a URL that reads this blob, for twenty minutes', async () => {
    const answer = await client.get(blobPath());
    expect(answer.status).toBe(307);
    const url = new URL(answer.header('location'));
    expect(url.href.startsWith(`${place.endpoint}/registry/`)).toBe(true);
    const seconds = (Date.parse(url.searchParams.get('se') as string) - Date.now()) / 1000;
    expect(seconds).toBeGreaterThan(19 * 60);
    expect(seconds).toBeLessThanOrEqual(20 * 60);
    const followed = await fetch(url);
    expect(Buffer.from(await followed.arrayBuffer()).equals(pushed.blobs[1]?.bytes as Buffer)).toBe(true);
    url.searchParams.set('se', '2099-01-01T00:00:00Z');
    expect((await fetch(url)).status).toBe(403);
  });

  test('doctor storage finds nothing wrong, signed URLs included', async () => {
    const { exitCode, stdout } = await place.registry.command('doctor', 'storage');
    expect(stdout).toContain(`${place.endpoint}/registry/`);
    expect(stdout).toMatch(/redirect/);
    expect(stdout).not.toContain('sig=');
    expect(exitCode).toBe(0);
  });
});
