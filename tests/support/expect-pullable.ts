import { expect } from '@jest/globals';
import { type Image, MEDIA_TYPES } from './oci-image.ts';
import type { RegistryClient } from './registry-client.ts';

const ACCEPT = [MEDIA_TYPES.ociManifest, MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerManifest, MEDIA_TYPES.dockerList];

/** Everything of an image comes back byte by byte. */
export async function expectPullable(
  client: RegistryClient,
  repository: string,
  reference: string,
  pulled: Image,
): Promise<void> {
  const headers = { Accept: ACCEPT.join(', ') };
  const answer = await client.get(`/v2/${repository}/manifests/${reference}`, headers);
  expect({ status: answer.status, type: answer.headers['content-type'] }).toEqual({
    status: 200,
    type: pulled.manifest.mediaType,
  });
  expect(answer.body.equals(pulled.manifest.bytes)).toBe(true);
  expect(answer.header('Docker-Content-Digest')).toBe(pulled.manifest.digest);
  for (const { digest, bytes } of pulled.blobs) {
    expect((await client.get(`/v2/${repository}/blobs/${digest}`)).body.equals(bytes)).toBe(true);
  }
  for (const child of pulled.children) await expectPullable(client, repository, child.manifest.digest, child);
}
