import { describe, expect, test } from '@jest/globals';
import { type Algorithm, randomBlob } from '../../support/oci-image.ts';
import { expectBlob, expectError, expectNoBlob, expectPushed, newRepository, type Registry } from './expectations.ts';

/** end-11: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#mounting-a-blob-from-another-repository */
export function mountsSuite(registry: Registry): void {
  describe.each<Algorithm>(['sha256', 'sha512'])('end-11: mounting blobs (%s)', (algorithm) => {
    test('with from: the blob is there without its bytes being sent', async () => {
      const [source, target] = [newRepository('mount-source'), newRepository('mount-target')];
      const blob = randomBlob(512, algorithm);
      await registry().pushBlob(source, blob);
      const answer = await registry().request(
        'POST',
        `/v2/${target}/blobs/uploads/?mount=${blob.digest}&from=${encodeURIComponent(source)}`,
      );
      await expectPushed(registry(), answer, blob);
      expect(answer.header('Location')).toContain(`/v2/${target}/blobs/`);
      await expectBlob(registry(), target, blob);
    });

    test('the mounted blob outlives the one that it was mounted from', async () => {
      const [source, target] = [newRepository('mount-source'), newRepository('mount-target')];
      const blob = randomBlob(512, algorithm);
      await registry().pushBlob(source, blob);
      await registry().request('POST', `/v2/${target}/blobs/uploads/?mount=${blob.digest}&from=${source}`);
      expect((await registry().delete(`/v2/${source}/blobs/${blob.digest}`)).status).toBe(202);
      await expectNoBlob(registry(), source, blob.digest);
      await expectBlob(registry(), target, blob);
    });

    test('without from: mounted, or an ordinary upload', async () => {
      const [source, target] = [newRepository('mount-source'), newRepository('mount-target')];
      const blob = randomBlob(512, algorithm);
      await registry().pushBlob(source, blob);
      const answer = await registry().request('POST', `/v2/${target}/blobs/uploads/?mount=${blob.digest}`);
      expect([201, 202]).toContain(answer.status);
      if (answer.status === 202) {
        const finished = await registry().finishUpload(answer.header('Location'), blob.digest, blob.bytes);
        expect(finished.status).toBe(201);
      }
      await expectBlob(registry(), target, blob);
    });

    test('a blob that the source does not have becomes an ordinary upload', async () => {
      const [source, target] = [newRepository('mount-source'), newRepository('mount-target')];
      const blob = randomBlob(512, algorithm);
      const answer = await registry().request(
        'POST',
        `/v2/${target}/blobs/uploads/?mount=${blob.digest}&from=${source}`,
      );
      expect(answer.status).toBe(202);
      const finished = await registry().finishUpload(answer.header('Location'), blob.digest, blob.bytes);
      await expectPushed(registry(), finished, blob);
    });
  });

  test('a mount of a malformed digest is refused or becomes an ordinary upload', async () => {
    const target = newRepository('mount-malformed');
    const answer = await registry().request('POST', `/v2/${target}/blobs/uploads/?mount=sha256:bad&from=${target}`);
    if (answer.status !== 202) expectError(answer, 400, 'DIGEST_INVALID');
  });
}
