import { describe, expect, test } from '@jest/globals';
import { RegistryError } from '../../../registry-image/src/errors/registry-error.ts';
import { parseManifest } from '../../../registry-image/src/registry/manifest-schema.ts';
import { descriptor, image, MEDIA_TYPES, manifest, randomBlob } from '../../support/oci-image.ts';

const config = descriptor({ ...randomBlob(), mediaType: 'application/vnd.example.config' });

function detailOf(bytes: Buffer, contentType?: string): string {
  try {
    parseManifest(bytes, contentType);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'MANIFEST_INVALID') return String(error.detail);
    throw error;
  }
  throw new Error('was not refused');
}

describe('a manifest', () => {
  test('of OCI and of Docker names its config and its layers', () => {
    for (const format of ['oci', 'docker'] as const) {
      const { manifest, blobs } = image({ format });
      const parsed = parseManifest(manifest.bytes, manifest.mediaType);
      expect(parsed.mediaType).toBe(manifest.mediaType);
      expect([...parsed.blobs].sort()).toEqual(blobs.map(({ digest }) => digest).sort());
    }
  });

  test('without artifactType is of its config type, for the list of referrers', () => {
    const { bytes } = manifest(MEDIA_TYPES.ociManifest, { config, layers: [] });
    expect(parseManifest(bytes).artifactType).toBe('application/vnd.example.config');
  });

  test('does not need the layers that are fetched from elsewhere', () => {
    const foreign = descriptor(
      { ...randomBlob(), mediaType: MEDIA_TYPES.ociForeignLayer },
      { urls: ['https://example.com/l'] },
    );
    const { bytes } = manifest(MEDIA_TYPES.ociManifest, { config, layers: [foreign] });
    expect(parseManifest(bytes).blobs).toEqual([config.digest]);
  });

  test('with the same layer twice needs it once', () => {
    const layer = descriptor(randomBlob());
    const { bytes } = manifest(MEDIA_TYPES.ociManifest, { config, layers: [layer, layer] });
    expect(parseManifest(bytes).blobs).toEqual([config.digest, layer.digest]);
  });

  test('without mediaType is known by its shape', () => {
    const child = {
      mediaType: MEDIA_TYPES.ociManifest,
      digest: config.digest,
      size: 2,
      platform: { os: 'linux', architecture: 'arm64' },
    };
    const index = parseManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [child] })));
    expect(index.mediaType).toBe(MEDIA_TYPES.ociIndex);
    expect(index.children).toEqual([{ digest: config.digest, platform: child.platform }]);
  });
});

describe('a manifest is refused', () => {
  const { bytes, mediaType } = manifest(MEDIA_TYPES.ociManifest, { config, layers: [] });

  test('when it is not JSON', () => {
    expect(detailOf(Buffer.from('{'), mediaType)).toContain('not JSON');
    expect(detailOf(Buffer.from('[]'), mediaType)).toContain('not a JSON object');
    expect(detailOf(Buffer.from([0x22, 0xff, 0x22]), mediaType)).toContain('not JSON');
  });

  test('when its Content-Type is not its own media type', () => {
    expect(detailOf(bytes, MEDIA_TYPES.dockerManifest)).toContain(MEDIA_TYPES.ociManifest);
  });

  test('when it is of Docker schema 1, with the documented words', () => {
    expect(detailOf(Buffer.from('{"schemaVersion":1}'))).toBe('Schema 1 manifest not supported');
  });

  test('when its media type is not one of a manifest', () => {
    expect(detailOf(Buffer.from('{"schemaVersion":2}'), 'text/plain')).toContain('"text/plain" is not one of');
  });

  test('when a descriptor is wrong, naming where', () => {
    const wrong = manifest(MEDIA_TYPES.ociManifest, { config, layers: [{ ...config, digest: 'sha256:12' }] });
    expect(detailOf(wrong.bytes)).toContain('layers.0.digest');
  });

  test('when it is an index and an image at once', () => {
    expect(detailOf(manifest(MEDIA_TYPES.ociIndex, { manifests: [], layers: [] }).bytes)).toContain('neither');
    expect(detailOf(manifest(MEDIA_TYPES.ociManifest, { config, layers: [], manifests: [] }).bytes)).toContain(
      'no "manifests"',
    );
  });
});
