import { describe, expect, test } from '@jest/globals';
import {
  type Algorithm,
  artifact,
  content,
  descriptor,
  digestOf,
  EMPTY_JSON,
  type Image,
  image,
  index,
  MEDIA_TYPES,
  manifest,
  multiArchitectureImage,
  randomBlob,
} from '../../support/oci-image.ts';
import {
  expectBlob,
  expectError,
  expectManifest,
  expectNoManifest,
  newRepository,
  type Registry,
} from './expectations.ts';

async function expectWholeImage(registry: Registry, repository: string, { manifest: own, blobs, children }: Image) {
  await expectManifest(registry(), repository, own.digest, own);
  for (const blob of blobs) await expectBlob(registry(), repository, blob);
  for (const child of children) await expectWholeImage(registry, repository, child);
}

/** Every kind of manifest that travels, by name. */
function kinds(): [string, Image][] {
  const foreign = descriptor(randomBlob(), {
    mediaType: MEDIA_TYPES.ociForeignLayer,
    urls: ['https://store.example.com/x'],
  });
  const plain = image();
  const [config, layer] = plain.blobs.map((blob) => descriptor(blob));
  return [
    ['an OCI image', plain],
    ['an OCI index', multiArchitectureImage()],
    ['a Docker schema 2 image', image({ format: 'docker' })],
    ['a Docker manifest list', multiArchitectureImage({ format: 'docker' })],
    ['an index of indexes', index([multiArchitectureImage(), multiArchitectureImage()])],
    ['an empty index', index([])],
    ['an image without layers', image({ layers: 0 })],
    ['an artifact', artifact(image().manifest, 'application/vnd.example.signature', { subject: undefined })],
    [
      'an artifact whose only layer is the empty descriptor',
      {
        manifest: manifest(MEDIA_TYPES.ociManifest, {
          artifactType: 'application/vnd.example.nothing',
          config: descriptor(EMPTY_JSON),
          layers: [descriptor(EMPTY_JSON)],
        }),
        blobs: [EMPTY_JSON],
        children: [],
      },
    ],
    ['an index of artifacts', index([image()], { fields: { artifactType: 'application/vnd.example.set' } })],
    [
      'an image with embedded data in its descriptors',
      {
        ...plain,
        manifest: manifest(MEDIA_TYPES.ociManifest, {
          config: { ...config, data: plain.blobs[0]?.bytes.toString('base64') },
          layers: [layer],
        }),
      },
    ],
    [
      'an image with a layer that is kept elsewhere and never pushed',
      { ...plain, manifest: manifest(MEDIA_TYPES.ociManifest, { config, layers: [foreign, layer] }) },
    ],
    [
      'an image with fields and annotations of its own',
      image({ fields: { 'org.example.field': [1], annotations: { a: 'b' } } }),
    ],
    [
      'an image that does not repeat its media type',
      { ...plain, manifest: manifest(MEDIA_TYPES.ociManifest, { mediaType: undefined, config, layers: [layer] }) },
    ],
  ];
}

/** end-3 and end-7: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests */
export function manifestsSuite(registry: Registry): void {
  describe('end-7 and end-3: manifests', () => {
    test.each(kinds())('%s is pushed by tag and pulled by tag and by digest', async (_kind, pushed) => {
      const repository = newRepository('kinds');
      const answer = await registry().pushImage(repository, pushed, 'latest');
      expect(answer.header('Docker-Content-Digest')).toBe(pushed.manifest.digest);
      expect(answer.header('Location')).toBe(`/v2/${repository}/manifests/${pushed.manifest.digest}`);
      expect(answer.headers['oci-subject']).toBeUndefined();
      await expectManifest(registry(), repository, 'latest', pushed.manifest);
      await expectWholeImage(registry, repository, pushed);
      expect(await registry().tags(repository)).toEqual(['latest']);
    });

    test.each<Algorithm>(['sha256', 'sha512'])('an index is pushed and pulled by its %s digest', async (algorithm) => {
      const repository = newRepository(`by-${algorithm}`);
      const pushed = multiArchitectureImage({ algorithm });
      await registry().pushImage(repository, pushed);
      await expectWholeImage(registry, repository, pushed);
    });

    test('a tag moves to the manifest that was pushed last, and the first one stays pullable by digest', async () => {
      const repository = newRepository('retag');
      const [first, second] = [image(), image()];
      await registry().pushImage(repository, first, 'latest');
      await registry().pushImage(repository, second, 'latest');
      await expectManifest(registry(), repository, 'latest', second.manifest);
      await expectManifest(registry(), repository, first.manifest.digest, first.manifest);
      expect(await registry().tags(repository)).toEqual(['latest']);
    });

    test('a manifest may come in chunks, without Content-Length', async () => {
      const repository = newRepository('chunked-manifest');
      const pushed = image();
      for (const blob of pushed.blobs) await registry().pushBlob(repository, blob);
      const answer = await registry().request('PUT', `/v2/${repository}/manifests/latest`, {
        headers: { 'Content-Type': pushed.manifest.mediaType },
        body: async function* () {
          yield pushed.manifest.bytes.subarray(0, 100);
          yield pushed.manifest.bytes.subarray(100);
        },
      });
      expect(answer.status).toBe(201);
      await expectManifest(registry(), repository, 'latest', pushed.manifest);
    });

    test('a client that accepts many types gets the type that was pushed', async () => {
      const repository = newRepository('accept');
      const pushed = image({ format: 'docker' });
      await registry().pushImage(repository, pushed, 'latest');
      const accepts = [MEDIA_TYPES.ociIndex, MEDIA_TYPES.ociManifest, MEDIA_TYPES.dockerManifest, '*/*'].join(', ');
      const answer = await registry().get(`/v2/${repository}/manifests/latest`, { Accept: accepts });
      expect(answer.header('Content-Type')).toBe(MEDIA_TYPES.dockerManifest);
    });

    test('If-None-Match with the ETag of a manifest is 304', async () => {
      const repository = newRepository('etag');
      await registry().pushImage(repository, image(), 'latest');
      const path = `/v2/${repository}/manifests/latest`;
      const etag = (await registry().head(path)).header('ETag');
      expect((await registry().get(path, { 'If-None-Match': etag })).status).toBe(304);
      await registry().pushImage(repository, image(), 'latest');
      expect((await registry().get(path, { 'If-None-Match': etag })).status).toBe(200);
    });

    test('a manifest of another repository is not served here', async () => {
      const [repository, other] = [newRepository('has'), newRepository('has-not')];
      const pushed = image();
      await registry().pushImage(repository, pushed, 'latest');
      await registry().pushImage(other, image(), 'present');
      await expectNoManifest(registry(), other, 'latest');
      await expectNoManifest(registry(), other, pushed.manifest.digest);
    });

    test('a manifest that nobody pushed is MANIFEST_UNKNOWN', async () => {
      const repository = newRepository('unknown');
      await expectNoManifest(registry(), repository, 'missing');
      await expectNoManifest(registry(), repository, digestOf(Buffer.from('missing')));
    });
  });

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
