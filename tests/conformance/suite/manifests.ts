import { describe, expect, test } from '@jest/globals';
import {
  type Algorithm,
  artifact,
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
import { expectBlob, expectManifest, expectNoManifest, newRepository, type Registry } from './expectations.ts';

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

    test('a push by digest may name tags as parameters, each confirmed by OCI-Tag', async () => {
      const repository = newRepository('manifest-tag-parameters');
      const { manifest: own, blobs } = image();
      for (const blob of blobs) await registry().pushBlob(repository, blob);
      const answer = await registry().putManifest(repository, own, `${own.digest}?tag=one&tag=two`);
      expect(answer.status).toBe(201);
      expect(answer.header('OCI-Tag').split(/,\s*/)).toEqual(['one', 'two']);
      for (const tag of ['one', 'two']) await expectManifest(registry(), repository, tag, own);
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
}
