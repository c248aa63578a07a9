import { describe, expect, test } from '@jest/globals';
import {
  content,
  descriptor,
  EMPTY_JSON,
  type Image,
  image,
  MEDIA_TYPES,
  manifest,
  multiArchitectureImage,
} from '../../support/oci-image.ts';
import { expectError, expectManifest, expectNoManifest, newRepository, type Registry } from './expectations.ts';

/** What end-7 does not take: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests */
export function refusedManifestsSuite(registry: Registry): void {
  describe('end-7: manifests that are refused', () => {
    const repository = newRepository('refused');

    async function putImage(fields: Record<string, unknown>, contentType: string = MEDIA_TYPES.ociManifest) {
      const pushed = image();
      for (const blob of pushed.blobs) await registry().pushBlob(repository, blob);
      const [config, ...layers] = pushed.blobs.map((blob) => descriptor(blob));
      const refused = manifest(MEDIA_TYPES.ociManifest, { config, layers, ...fields });
      return await registry().putManifest(repository, { ...refused, mediaType: contentType }, 'refused');
    }

    test('one whose blobs are missing is MANIFEST_BLOB_UNKNOWN, naming each', async () => {
      const pushed = image();
      const answer = await registry().putManifest(repository, pushed.manifest, 'incomplete');
      expectError(answer, 404, 'MANIFEST_BLOB_UNKNOWN');
      for (const blob of pushed.blobs) expect(answer.text).toContain(blob.digest);
      await expectNoManifest(registry(), repository, 'incomplete');
      await expectNoManifest(registry(), repository, pushed.manifest.digest);
    });

    test('one whose blobs are in another repository only is MANIFEST_BLOB_UNKNOWN', async () => {
      const pushed = image();
      await registry().pushImage(newRepository('elsewhere'), pushed);
      expectError(await registry().putManifest(repository, pushed.manifest, 'x'), 404, 'MANIFEST_BLOB_UNKNOWN');
    });

    test('an index whose children are missing is MANIFEST_BLOB_UNKNOWN', async () => {
      const pushed = multiArchitectureImage();
      const answer = await registry().putManifest(repository, pushed.manifest, 'incomplete');
      expectError(answer, 404, 'MANIFEST_BLOB_UNKNOWN');
      for (const child of pushed.children) expect(answer.text).toContain(child.manifest.digest);
    });

    test.each([
      ['no JSON', '{"schemaVersion": 2,'],
      ['no object', '[]'],
      ['nothing', ''],
      ['not UTF-8', Buffer.from([0xff, 0xfe, 0x00])],
    ])('one that is %s is MANIFEST_INVALID', async (_what, body) => {
      const headers = { 'Content-Type': MEDIA_TYPES.ociManifest };
      const answer = await registry().request('PUT', `/v2/${repository}/manifests/invalid`, { headers, body });
      expectError(answer, 400, 'MANIFEST_INVALID');
      await expectNoManifest(registry(), repository, 'invalid');
    });

    test.each([
      ['without a config', { config: undefined }],
      ['without layers', { layers: undefined }],
      ['with a layer of a negative size', { layers: [{ ...descriptor(EMPTY_JSON), size: -1 }] }],
      ['with a malformed digest', { layers: [{ ...descriptor(EMPTY_JSON), digest: 'sha256:../../etc/passwd' }] }],
      ['of schema version 3', { schemaVersion: 3 }],
      ['whose subject is malformed', { subject: { digest: 'sha256:bad', size: 1, mediaType: 'x/y' } }],
      ['whose annotations are no strings', { annotations: { a: 1 } }],
    ])('one %s is MANIFEST_INVALID', async (_what, fields) => {
      expectError(await putImage(fields), 400, 'MANIFEST_INVALID');
      await expectNoManifest(registry(), repository, 'refused');
    });

    test('one that says another media type than Content-Type does is MANIFEST_INVALID', async () => {
      expectError(await putImage({}, MEDIA_TYPES.ociIndex), 400, 'MANIFEST_INVALID');
      expectError(await putImage({ mediaType: MEDIA_TYPES.dockerManifest }), 400, 'MANIFEST_INVALID');
    });

    test.each(['application/json', 'text/plain', 'application/vnd.docker.distribution.manifest.v1+prettyjws'])(
      'one of the media type %s is MANIFEST_INVALID',
      async (mediaType) => {
        expectError(await putImage({ mediaType: undefined }, mediaType), 400, 'MANIFEST_INVALID');
      },
    );

    test('one pushed by a digest that is not its own is refused, and neither digest is kept', async () => {
      const pushed = image();
      for (const blob of pushed.blobs) await registry().pushBlob(repository, blob);
      const altered = content(Buffer.concat([pushed.manifest.bytes, Buffer.from('  ')]), pushed.manifest.mediaType);
      const answer = await registry().putManifest(repository, altered, pushed.manifest.digest);
      expectError(answer, 400, 'DIGEST_INVALID', 'MANIFEST_INVALID');
      await expectNoManifest(registry(), repository, pushed.manifest.digest);
      await expectNoManifest(registry(), repository, altered.digest);
    });

    test.each(['sha256:baddigeststring', `md5:${'0'.repeat(32)}`, `sha256:${'0'.repeat(63)}`])(
      'one pushed by the malformed digest %s is DIGEST_INVALID',
      async (digest) => {
        const pushed = image();
        for (const blob of pushed.blobs) await registry().pushBlob(repository, blob);
        expectError(await registry().putManifest(repository, pushed.manifest, digest), 400, 'DIGEST_INVALID');
        const pulled = await registry().get(`/v2/${repository}/manifests/${digest}`);
        expect([400, 404]).toContain(pulled.status);
      },
    );

    test.each(['.leading-dot', '-leading-dash', 'a'.repeat(129), 'with%20space', 'ta%67%2Fslash'])(
      'one pushed by the malformed tag %s is TAG_INVALID',
      async (tag) => {
        const pushed = image();
        for (const blob of pushed.blobs) await registry().pushBlob(repository, blob);
        expectError(await registry().putManifest(repository, pushed.manifest, tag), 400, 'TAG_INVALID');
      },
    );

    test.each(['_', 'A.b-c_D', '1', 'a'.repeat(128), 'list', 'sha256-abc.sig'])('the tag %s is taken', async (tag) => {
      const tagged = newRepository('tag-grammar');
      await registry().pushImage(tagged, image({ layers: 1 }), tag);
      expect(await registry().tags(tagged)).toEqual([tag]);
    });
  });

  // https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
  describe('end-7: the size of a manifest', () => {
    const limit = 4 * 1024 * 1024;

    /** An image whose manifest has exactly this many bytes. */
    function imageWithManifestOf(bytes: number): Image {
      const plain = image({ layers: 1, fields: { annotations: { 'org.example.filler': '' } } });
      const [config, ...layers] = plain.blobs.map((blob) => descriptor(blob));
      const annotations = { 'org.example.filler': 'A'.repeat(bytes - plain.manifest.bytes.length) };
      return { ...plain, manifest: manifest(MEDIA_TYPES.ociManifest, { config, layers, annotations }) };
    }

    test('4 MiB are taken', async () => {
      const repository = newRepository('large');
      const pushed = imageWithManifestOf(limit);
      expect(pushed.manifest.bytes.length).toBe(limit);
      await registry().pushImage(repository, pushed, 'large');
      await expectManifest(registry(), repository, 'large', pushed.manifest);
    });

    test('one byte more is 413, with a length and without one', async () => {
      const repository = newRepository('too-large');
      const pushed = imageWithManifestOf(limit + 1);
      for (const blob of pushed.blobs) await registry().pushBlob(repository, blob);
      expectError(await registry().putManifest(repository, pushed.manifest, 'large'), 413, 'MANIFEST_TOO_LARGE');
      const streamed = await registry().request('PUT', `/v2/${repository}/manifests/large`, {
        headers: { 'Content-Type': pushed.manifest.mediaType },
        body: async function* () {
          yield pushed.manifest.bytes;
        },
      });
      expectError(streamed, 413, 'MANIFEST_TOO_LARGE');
      await expectNoManifest(registry(), repository, 'large');
    });
  });
}
