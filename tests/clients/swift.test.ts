import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Image, image } from '../support/oci-image.ts';
import type { RegistryClient } from '../support/registry-client.ts';
import { describeWith } from '../support/requirements.ts';
import { tryCommand } from '../support/run-command.ts';
import { type SwiftRegistry, startSwiftRegistry } from '../support/swift-registry.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const MIB = 1024 ** 2;

describeWith(['skopeo', 'swift'], 'a registry that sends clients to Swift', () => {
  let place: SwiftRegistry;
  let client: RegistryClient;
  let pushed: Image;

  beforeAll(async () => {
    place = await startSwiftRegistry({ redirect: true, settings: { chunksize: MIB } });
    client = place.registry.client();
    pushed = image({ layerSize: 2 * MIB + 1000 });
    await client.pushImage('group/app', pushed, 'v1');
  });
  afterAll(async () => {
    client?.close();
    await place?.stop();
  });

  const blobPath = () => `/v2/group/app/blobs/${pushed.blobs[1]?.digest}`;

  test('skopeo pulls layers of many parts by signed URLs', async () => {
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

  test('GET of a blob names a URL that reads this blob, for twenty minutes', async () => {
    const answer = await client.get(blobPath());
    expect(answer.status).toBe(307);
    const url = new URL(answer.header('location'));
    expect(url.origin).toBe(place.swift.url);
    const seconds = Number(url.searchParams.get('temp_url_expires')) - Date.now() / 1000;
    expect(seconds).toBeGreaterThan(19 * 60);
    expect(seconds).toBeLessThanOrEqual(20 * 60);
    const followed = await fetch(url);
    expect(Buffer.from(await followed.arrayBuffer()).equals(pushed.blobs[1]?.bytes as Buffer)).toBe(true);
    url.pathname = url.pathname.replace(/.{8}\/data$/, '00000000/data');
    expect((await fetch(url)).status).toBe(401);
  });

  test('doctor storage finds nothing wrong, signed URLs included', async () => {
    const { exitCode, stdout } = await place.registry.command('doctor', 'storage');
    expect(stdout).toMatch(/swift:\/\/AUTH_test\/registry\/files\//);
    expect(stdout).toMatch(/redirect/);
    expect(exitCode).toBe(0);
  });
});
