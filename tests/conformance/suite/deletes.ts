import { describe, expect, test } from '@jest/globals';
import { image, multiArchitectureImage, randomBlob } from '../../support/oci-image.ts';
import {
  expectBlob,
  expectError,
  expectManifest,
  expectNoBlob,
  expectNoManifest,
  newRepository,
  type Registry,
} from './expectations.ts';

/** end-9, end-10: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#content-management */
export function deletesSuite(registry: Registry): void {
  describe('end-9: deleting manifests', () => {
    test('a tag is gone at once; its manifest and its other tags stay', async () => {
      const repository = newRepository('delete-tag');
      const pushed = image();
      for (const tag of ['keep', 'remove']) await registry().pushImage(repository, pushed, tag);
      const answer = await registry().delete(`/v2/${repository}/manifests/remove`);
      expect(answer.status).toBe(202);
      await expectNoManifest(registry(), repository, 'remove');
      expect(await registry().tags(repository)).toEqual(['keep']);
      await expectManifest(registry(), repository, 'keep', pushed.manifest);
      await expectManifest(registry(), repository, pushed.manifest.digest, pushed.manifest);
    });

    test('a manifest deleted by digest is gone at once, with every tag of it and no other', async () => {
      const repository = newRepository('delete-manifest');
      const [removed, kept] = [image(), image()];
      for (const tag of ['one', 'two']) await registry().pushImage(repository, removed, tag);
      await registry().pushImage(repository, kept, 'kept');
      expect((await registry().delete(`/v2/${repository}/manifests/${removed.manifest.digest}`)).status).toBe(202);
      for (const reference of ['one', 'two', removed.manifest.digest]) {
        await expectNoManifest(registry(), repository, reference);
      }
      expect(await registry().tags(repository)).toEqual(['kept']);
      await expectManifest(registry(), repository, 'kept', kept.manifest);
    });

    test('the blobs of a deleted manifest stay', async () => {
      const repository = newRepository('delete-keeps-blobs');
      const pushed = image();
      await registry().pushImage(repository, pushed, 'latest');
      await registry().delete(`/v2/${repository}/manifests/${pushed.manifest.digest}`);
      for (const blob of pushed.blobs) await expectBlob(registry(), repository, blob);
    });

    test('an index goes without its children', async () => {
      const repository = newRepository('delete-index');
      const pushed = multiArchitectureImage();
      await registry().pushImage(repository, pushed, 'latest');
      expect((await registry().delete(`/v2/${repository}/manifests/${pushed.manifest.digest}`)).status).toBe(202);
      for (const { manifest } of pushed.children)
        await expectManifest(registry(), repository, manifest.digest, manifest);
    });

    test('what was deleted can be pushed again', async () => {
      const repository = newRepository('delete-and-push');
      const pushed = image();
      await registry().pushImage(repository, pushed, 'latest');
      await registry().delete(`/v2/${repository}/manifests/${pushed.manifest.digest}`);
      await registry().pushManifest(repository, pushed.manifest, 'latest');
      await expectManifest(registry(), repository, 'latest', pushed.manifest);
    });

    test('deleting what is not there is MANIFEST_UNKNOWN, the second time too', async () => {
      const repository = newRepository('delete-missing');
      const pushed = image();
      await registry().pushImage(repository, pushed, 'latest');
      expectError(await registry().delete(`/v2/${repository}/manifests/missing`), 404, 'MANIFEST_UNKNOWN');
      const path = `/v2/${repository}/manifests/${pushed.manifest.digest}`;
      expect((await registry().delete(path)).status).toBe(202);
      expectError(await registry().delete(path), 404, 'MANIFEST_UNKNOWN');
    });

    test('deleting in a repository that does not exist is NAME_UNKNOWN or MANIFEST_UNKNOWN', async () => {
      const answer = await registry().delete(`/v2/${newRepository('none')}/manifests/latest`);
      expectError(answer, 404, 'NAME_UNKNOWN', 'MANIFEST_UNKNOWN');
    });
  });

  describe('end-10: deleting blobs', () => {
    test('a blob is gone from this repository at once, and from no other', async () => {
      const [repository, other] = [newRepository('delete-blob'), newRepository('keep-blob')];
      const blob = randomBlob();
      for (const each of [repository, other]) await registry().pushBlob(each, blob);
      expect((await registry().delete(`/v2/${repository}/blobs/${blob.digest}`)).status).toBe(202);
      await expectNoBlob(registry(), repository, blob.digest);
      await expectBlob(registry(), other, blob);
    });

    test('a deleted blob can be pushed again', async () => {
      const repository = newRepository('push-blob-again');
      const blob = randomBlob();
      await registry().pushBlob(repository, blob);
      await registry().delete(`/v2/${repository}/blobs/${blob.digest}`);
      await registry().pushBlob(repository, blob);
      await expectBlob(registry(), repository, blob);
    });

    test('deleting what is not there is BLOB_UNKNOWN', async () => {
      const repository = newRepository('delete-missing-blob');
      await registry().pushBlob(repository, randomBlob());
      expectError(await registry().delete(`/v2/${repository}/blobs/${randomBlob().digest}`), 404, 'BLOB_UNKNOWN');
    });

    test('a malformed digest is DIGEST_INVALID', async () => {
      const answer = await registry().delete(`/v2/${newRepository('bad')}/blobs/sha256:bad`);
      expectError(answer, 400, 'DIGEST_INVALID');
    });
  });
}
