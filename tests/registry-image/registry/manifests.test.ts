import { describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../registry-image/src/registry/digest.ts';
import type { RepositoryName, Tag } from '../../../registry-image/src/registry/reference.ts';
import { MemoryDriver } from '../../../registry-image/src/storage/memory.ts';
import { memoryRegistry, pushBlob, pushImage } from '../../support/memory-registry.ts';
import { descriptor, image, index, MEDIA_TYPES, manifest, randomBlob } from '../../support/oci-image.ts';
import { readObject } from '../../support/read-object.ts';

const repository = 'group/project' as RepositoryName;
const latest = 'latest' as Tag;

describe('a manifest', () => {
  test('is found by its tag and by its digest, with the bytes that were pushed', async () => {
    const registry = await memoryRegistry();
    const pushed = image();
    const digest = await pushImage(registry, repository, pushed, 'latest');
    const found = await registry.manifests.find(repository, { tag: latest });
    expect(found).toEqual({ digest, mediaType: pushed.manifest.mediaType, size: pushed.manifest.bytes.length });
    expect(await registry.manifests.find(repository, { digest })).toEqual(found);
    expect(await registry.manifests.read(digest)).toEqual(pushed.manifest.bytes);
  });

  test('whose tag was moved on stays under its digest', async () => {
    const registry = await memoryRegistry();
    const old = await pushImage(registry, repository, image(), 'latest');
    const next = await pushImage(registry, repository, image(), 'latest');
    expect((await registry.manifests.find(repository, { tag: latest })).digest).toBe(next);
    expect((await registry.manifests.find(repository, { digest: old })).digest).toBe(old);
  });

  test('with missing blobs is refused, names them and leaves nothing in storage', async () => {
    const driver = new MemoryDriver();
    const registry = await memoryRegistry({ driver });
    const { manifest, blobs } = image();
    const put = registry.manifests.put(repository, { tag: latest }, manifest.bytes, {
      contentType: manifest.mediaType,
    });
    await expect(put).rejects.toMatchObject({
      code: 'MANIFEST_BLOB_UNKNOWN',
      detail: { missing: expect.arrayContaining(blobs.map(({ digest }) => digest)) },
    });
    for await (const { key } of driver.list('')) throw new Error(`left behind: ${key}`);
    await registry.metadata.processes.bury(registry.metadata.processes.id);
    expect(await registry.metadata.intents.listAbandoned()).toEqual([]);
  });

  test('of another repository is not found, though its bytes are in storage', async () => {
    const registry = await memoryRegistry();
    const digest = await pushImage(registry, repository, image());
    await pushBlob(registry, 'other', randomBlob());
    const elsewhere = registry.manifests.find('other' as RepositoryName, { digest });
    await expect(elsewhere).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
    const nowhere = registry.manifests.find('nowhere' as RepositoryName, { digest });
    await expect(nowhere).rejects.toMatchObject({ code: 'NAME_UNKNOWN' });
  });

  test('is gone with its tags at once when it is deleted, from the storage too', async () => {
    const driver = new MemoryDriver();
    const registry = await memoryRegistry({ driver });
    const digest = await pushImage(registry, repository, image(), 'latest');
    await pushImage(registry, repository, image(), 'other');
    await registry.manifests.delete(repository, digest);
    await expect(registry.manifests.find(repository, { tag: latest })).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
    });
    await expect(registry.manifests.find(repository, { digest })).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
    expect((await registry.tags.list(repository, { limit: 10 })).names).toEqual(['other']);
    for await (const { key } of driver.list('docker/registry/v2/repositories/')) expect(key).not.toContain('/latest/');
  });

  test('cannot be deleted when deletes are switched off', async () => {
    const registry = await memoryRegistry({ storage: { delete: { enabled: false } } });
    const digest = await pushImage(registry, repository, image(), 'latest');
    await expect(registry.manifests.delete(repository, digest)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(registry.tags.delete(repository, latest)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    const blob = await pushBlob(registry, repository, randomBlob());
    await expect(registry.blobs.delete(repository, blob)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  test('pushed by many at once under one tag ends with storage and index of one mind', async () => {
    const registry = await memoryRegistry();
    const images = Array.from({ length: 8 }, () => image({ layers: 1 }));
    await Promise.all(images.map((one) => pushImage(registry, repository, one, 'latest')));
    const { digest } = await registry.manifests.find(repository, { tag: latest });
    const link = await registry.driver.read(
      `docker/registry/v2/repositories/${repository}/_manifests/tags/latest/current/link`,
    );
    expect((await readObject(link)).toString()).toBe(digest);
  });
});

describe('an index', () => {
  test('needs its manifests first, unless the configuration allows sparse ones', async () => {
    const children = [image({ architecture: 'amd64' }), image({ architecture: 'arm64' })];
    const multi = index(children);
    const strict = await memoryRegistry();
    const put = strict.manifests.put(repository, { tag: latest }, multi.manifest.bytes, {
      contentType: multi.manifest.mediaType,
    });
    await expect(put).rejects.toMatchObject({ code: 'MANIFEST_BLOB_UNKNOWN' });
    await pushImage(strict, repository, multi, 'latest');
    expect((await strict.manifests.find(repository, { tag: latest })).digest).toBe(multi.manifest.digest);
  });
});

describe('referrers', () => {
  const subject = randomBlob();

  test('are listed before and after their subject, filtered by type, with their annotations', async () => {
    const registry = await memoryRegistry();
    const config = randomBlob(2);
    await pushBlob(registry, repository, config);
    const about = (artifactType: string) =>
      manifest(MEDIA_TYPES.ociManifest, {
        artifactType,
        config: descriptor({ ...config, mediaType: MEDIA_TYPES.ociEmpty }),
        layers: [],
        subject: descriptor({ ...subject, mediaType: MEDIA_TYPES.ociManifest }),
        annotations: { of: artifactType },
      });
    for (const type of ['application/signature', 'application/sbom']) {
      const { bytes, mediaType, digest } = about(type);
      const put = await registry.manifests.put(repository, { digest: digest as Digest }, bytes, {
        contentType: mediaType,
      });
      expect(put.subject).toBe(subject.digest);
    }
    const all = await registry.referrers.list(repository, subject.digest as Digest);
    expect(all.manifests.map(({ artifactType }) => artifactType).sort()).toEqual([
      'application/sbom',
      'application/signature',
    ]);
    const sboms = await registry.referrers.list(repository, subject.digest as Digest, 'application/sbom');
    expect(sboms.manifests).toMatchObject([
      { artifactType: 'application/sbom', annotations: { of: 'application/sbom' } },
    ]);
    expect((await registry.referrers.list('none' as RepositoryName, subject.digest as Digest)).manifests).toEqual([]);
  });
});
