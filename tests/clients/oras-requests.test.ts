import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { artifact, type Descriptor, EMPTY_JSON, image } from '../support/oci-image.ts';
import type { RegistryClient } from '../support/registry-client.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

const SIGNATURE = 'application/vnd.example.signature.v1+json';

/** The requests of oras and cosign: https://github.com/oras-project/oras-go/blob/v2.6.0/registry/remote/repository.go */
describe('the requests that oras and cosign make', () => {
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

  test('oras discovers by a digest of zeros whether there is a referrers API', async () => {
    await client.pushImage('oras/probe', image(), 'latest');
    const answer = await client.get(`/v2/oras/probe/referrers/sha256:${'0'.repeat(64)}`);
    expect(answer.status).toBe(200);
    expect(answer.header('Content-Type')).toBe('application/vnd.oci.image.index.v1+json');
  });

  test('oras attach, discover and pull: an artifact comes back by its subject and its type', async () => {
    const repository = 'oras/attached';
    const subject = image();
    await client.pushImage(repository, subject, 'v1');
    const annotations = { 'org.opencontainers.image.created': '2024-01-01T00:00:00Z' };
    const signature = artifact(subject.manifest, SIGNATURE, { annotations });
    const pushed = await client.pushImage(repository, signature);
    // Without this header oras falls back to keeping a list of its own under the tag sha256-<hex>.
    expect(pushed.header('OCI-Subject')).toBe(subject.manifest.digest);

    const resolved = (await client.head(`/v2/${repository}/manifests/v1`)).header('Docker-Content-Digest');
    const query = `?artifactType=${encodeURIComponent(SIGNATURE)}`;
    const found = await client.get(`/v2/${repository}/referrers/${resolved}${query}`);
    const [entry] = found.json<{ manifests: Descriptor[] }>().manifests;
    expect(entry).toMatchObject({ digest: signature.manifest.digest, artifactType: SIGNATURE, annotations });
    const manifest = await client.get(`/v2/${repository}/manifests/${entry?.digest}`);
    const [payload] = manifest.json<{ layers: Descriptor[] }>().layers;
    const blob = await client.get(`/v2/${repository}/blobs/${payload?.digest}`);
    expect(blob.body.equals(signature.blobs[1]?.bytes ?? Buffer.alloc(0))).toBe(true);
  });

  test('cosign without the referrers API: a signature under the tag sha256-<hex>.sig', async () => {
    const repository = 'cosign/tagged';
    const subject = image();
    await client.pushImage(repository, subject, 'v1');
    const tag = `${subject.manifest.digest.replace(':', '-')}.sig`;
    await client.pushImage(repository, image({ layers: 1 }), tag);
    expect(await client.tags(repository)).toEqual([tag, 'v1'].sort());
  });

  test('oras copies the empty descriptor once, and finds it the next time', async () => {
    const repository = 'oras/empty';
    await client.pushBlob(repository, EMPTY_JSON);
    expect((await client.head(`/v2/${repository}/blobs/${EMPTY_JSON.digest}`)).status).toBe(200);
  });
});
