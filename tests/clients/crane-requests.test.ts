import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Image, image, multiArchitectureImage } from '../support/oci-image.ts';
import { type RegistryClient, withQuery } from '../support/registry-client.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

/** The requests of crane: https://github.com/google/go-containerregistry/blob/v0.20.6/pkg/v1/remote/write.go */
describe('the requests that crane makes', () => {
  let registry: RegistryProcess;
  let client: RegistryClient;

  beforeAll(async () => {
    registry = await startRegistry({ login: 'token' });
    client = registry.client();
  });
  afterAll(async () => {
    client.close();
    await registry.stop();
  });

  /** Blobs side by side, each: HEAD, POST with mount, a streamed PATCH, PUT; then the manifests from the leaves up. */
  async function cranePush(repository: string, pushed: Image, reference: string): Promise<void> {
    for (const child of pushed.children) await cranePush(repository, child, child.manifest.digest);
    await Promise.all(
      pushed.blobs.map(async (blob) => {
        if ((await client.head(`/v2/${repository}/blobs/${blob.digest}`)).status === 200) return;
        const started = await client.request('POST', `/v2/${repository}/blobs/uploads/?mount=${blob.digest}`);
        if (started.status === 201) return;
        expect(started.status).toBe(202);
        const sent = await client.sendChunk(started.header('Location'), async function* () {
          yield blob.bytes;
        });
        expect(sent.status).toBe(202);
        const closed = await client.request('PUT', withQuery(sent.header('Location'), { digest: blob.digest }));
        expect(closed.status).toBe(201);
      }),
    );
    expect((await client.head(`/v2/${repository}/manifests/${reference}`)).status).toBe(404);
    expect((await client.putManifest(repository, pushed.manifest, reference)).status).toBe(201);
  }

  test('crane push of an image, and of an index with its images', async () => {
    const single = image();
    await cranePush('crane/single', single, 'v1');
    await cranePush('crane/multi', multiArchitectureImage(), 'v1');
    expect(await client.tags('crane/multi')).toEqual(['v1']);
  });

  test('crane ls: pages of a thousand', async () => {
    expect(await client.tags('crane/multi', '?n=1000')).toEqual(['v1']);
  });

  test('crane catalog: pages of a thousand', async () => {
    const answer = await client.get('/v2/_catalog?n=1000');
    expect(answer.json()).toEqual({ repositories: ['crane/multi', 'crane/single'] });
  });

  test('crane digest: HEAD with the digest in a header', async () => {
    const answer = await client.head('/v2/crane/single/manifests/v1');
    expect(answer.header('Docker-Content-Digest')).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test('crane tag: the manifest again, under another name', async () => {
    const manifest = await client.get('/v2/crane/single/manifests/v1');
    const answer = await client.request('PUT', '/v2/crane/single/manifests/v2', {
      headers: { 'Content-Type': manifest.header('Content-Type') },
      body: manifest.body,
    });
    expect(answer.status).toBe(201);
    expect(await client.tags('crane/single')).toEqual(['v1', 'v2']);
  });

  test('crane delete: by digest', async () => {
    const digest = (await client.head('/v2/crane/single/manifests/v1')).header('Docker-Content-Digest');
    expect((await client.delete(`/v2/crane/single/manifests/${digest}`)).status).toBe(202);
    expect((await client.head('/v2/crane/single/manifests/v2')).status).toBe(404);
  });
});
