import { beforeEach, expect, test } from '@jest/globals';
import type { ManifestRow } from '../../../registry-image/src/metadata/manifest-row.ts';
import type { MetadataStore } from '../../../registry-image/src/metadata/metadata-store.ts';
import { describeOnEachBackend } from './index-backends.ts';

const digest = (n: number) => `sha256:${String(n).padStart(64, '0')}`;
const NOTHING_ANNOUNCED = { intents: [] };
const ALONE = { references: { blobs: [], manifests: [] }, tags: [] };

function manifest(n: number): ManifestRow {
  return {
    digest: digest(n),
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    size: n,
    artifactType: undefined,
    subject: undefined,
    annotations: undefined,
  };
}

/** Access that one process takes away is gone at once at another, which has answered for it before and remembers what it is. */
describeOnEachBackend('lookups', (index) => {
  let deleting: MetadataStore;
  let serving: MetadataStore;

  beforeEach(async () => {
    deleting = await index.open();
    serving = await index.open();
  });

  test('a blob taken from one repository is gone there at once, and stays in the others', async () => {
    for (const repository of ['blobs/one', 'blobs/two']) {
      await deleting.linkBlob(repository, { digest: digest(1), size: 11 }, NOTHING_ANNOUNCED);
      expect(await serving.findBlob(repository, digest(1))).toBe(11);
    }
    await deleting.unlinkBlob('blobs/one', digest(1), NOTHING_ANNOUNCED);
    expect(await serving.findBlob('blobs/one', digest(1))).toBeUndefined();
    expect(await serving.findBlob('blobs/two', digest(1))).toBe(11);
    await deleting.linkBlob('blobs/one', { digest: digest(1), size: 11 }, NOTHING_ANNOUNCED);
    expect(await serving.findBlob('blobs/one', digest(1))).toBe(11);
  });

  test('a deleted manifest is gone at once by digest and by tag, and stays in other repositories', async () => {
    for (const repository of ['manifests/one', 'manifests/two']) {
      await deleting.putManifest(repository, manifest(2), { ...ALONE, tags: ['latest'] }, NOTHING_ANNOUNCED);
      expect(await serving.findManifest(repository, digest(2))).toMatchObject({ digest: digest(2), size: 2 });
      expect(await serving.findTaggedManifest(repository, 'latest')).toMatchObject({ digest: digest(2) });
    }
    await deleting.deleteManifest('manifests/one', digest(2), NOTHING_ANNOUNCED);
    expect(await serving.findManifest('manifests/one', digest(2))).toBeUndefined();
    expect(await serving.findTaggedManifest('manifests/one', 'latest')).toBeUndefined();
    expect(await serving.findTaggedManifest('manifests/two', 'latest')).toMatchObject({ digest: digest(2) });
  });

  test('a moved tag is seen where it points now, a deleted one no more', async () => {
    for (const n of [3, 4]) await deleting.putManifest('tags', manifest(n), ALONE, NOTHING_ANNOUNCED);
    await deleting.putTag('tags', 'moving', digest(3), NOTHING_ANNOUNCED);
    expect((await serving.findTaggedManifest('tags', 'moving'))?.digest).toBe(digest(3));
    await deleting.putTag('tags', 'moving', digest(4), NOTHING_ANNOUNCED);
    expect((await serving.findTaggedManifest('tags', 'moving'))?.digest).toBe(digest(4));
    await deleting.deleteTag('tags', 'moving', NOTHING_ANNOUNCED);
    expect(await serving.findTaggedManifest('tags', 'moving')).toBeUndefined();
  });

  test('an index that is built anew is not mistaken for the one before', async () => {
    await serving.linkBlob('rebuilt/first', { digest: digest(5), size: 5 }, NOTHING_ANNOUNCED);
    expect(await serving.findBlob('rebuilt/first', digest(5))).toBe(5);
    await serving.clear();
    await serving.linkBlob('rebuilt/second', { digest: digest(5), size: 5 }, NOTHING_ANNOUNCED);
    expect(await serving.findBlob('rebuilt/first', digest(5))).toBeUndefined();
    expect(await serving.findBlob('rebuilt/second', digest(5))).toBe(5);
  });
});
