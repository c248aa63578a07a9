import { describe, expect, test } from '@jest/globals';
import { type Algorithm, type Content, content, digestOf, randomBlob } from '../../support/oci-image.ts';
import { withQuery } from '../../support/registry-client.ts';
import { expectBlob, expectError, expectNoBlob, expectPushed, newRepository, type Registry } from './expectations.ts';

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** end-4 and end-6: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-monolithically */
export function pushBlobsSuite(registry: Registry): void {
  describe.each<Algorithm>(['sha256', 'sha512'])('pushing blobs at once (%s)', (algorithm) => {
    const repository = newRepository(`push-blobs-${algorithm}`);

    test('end-4a: POST opens an upload', async () => {
      const answer = await registry().request('POST', `/v2/${repository}/blobs/uploads/`);
      expect({ status: answer.status, body: answer.text }).toEqual({ status: 202, body: '' });
      expect(answer.header('Location')).toMatch(new RegExp(`^/v2/${repository}/blobs/uploads/[^/]+$`));
      expect(answer.header('Docker-Upload-UUID')).toMatch(/\S/);
      expect(answer.header('Range')).toBe('0-0');
    });

    test('end-4a: POST without the last slash opens an upload too', async () => {
      expect((await registry().request('POST', `/v2/${repository}/blobs/uploads`)).status).toBe(202);
    });

    test('end-6: POST, then PUT with everything', async () => {
      const blob = randomBlob(512, algorithm);
      const location = await registry().startUpload(repository);
      await expectPushed(registry(), await registry().finishUpload(location, blob.digest, blob.bytes), blob);
      await expectBlob(registry(), repository, blob);
    });

    test('end-6: the PUT may be a stream without length', async () => {
      const blob = randomBlob(100_000, algorithm);
      const location = await registry().startUpload(repository);
      const answer = await registry().finishUpload(location, blob.digest, () => once(blob.bytes));
      await expectPushed(registry(), answer, blob);
    });

    test('end-4b: POST with the digest and everything', async () => {
      const blob = randomBlob(512, algorithm);
      const answer = await registry().request('POST', `/v2/${repository}/blobs/uploads/?digest=${blob.digest}`, {
        headers: { 'Content-Type': 'application/octet-stream' },
        body: blob.bytes,
      });
      await expectPushed(registry(), answer, blob);
      await expectBlob(registry(), repository, blob);
    });

    test.each([
      ['empty', Buffer.alloc(0)],
      ['an empty JSON object', Buffer.from('{}')],
    ])('a blob that is %s', async (_what, bytes) => {
      const blob = content(bytes, 'application/octet-stream', algorithm);
      await registry().pushBlob(repository, blob);
      await expectBlob(registry(), repository, blob);
      const answer = await registry().request('POST', `/v2/${repository}/blobs/uploads/?digest=${blob.digest}`, {
        body: blob.bytes,
      });
      await expectPushed(registry(), answer, blob);
    });

    test('pushing the same blob again changes nothing', async () => {
      const blob = randomBlob(512, algorithm);
      await registry().pushBlob(repository, blob);
      await registry().pushBlob(repository, blob);
      await expectBlob(registry(), repository, blob);
    });

    test('a blob of several megabytes arrives whole', async () => {
      const blob = randomBlob(6 * 1024 * 1024 + 7, algorithm);
      await registry().pushBlob(repository, blob);
      await expectBlob(registry(), repository, blob);
    });

    describe('bytes that are not those of the digest are refused, and nothing is kept', () => {
      const lie = (): { promised: Content; sent: Buffer } => {
        const promised = randomBlob(512, algorithm);
        return { promised, sent: Buffer.concat([promised.bytes, Buffer.from('more')]) };
      };

      test('POST with the digest', async () => {
        const { promised, sent } = lie();
        const answer = await registry().request('POST', `/v2/${repository}/blobs/uploads/?digest=${promised.digest}`, {
          body: sent,
        });
        expectError(answer, 400, 'DIGEST_INVALID');
        await expectNoBlob(registry(), repository, promised.digest);
        await expectNoBlob(registry(), repository, digestOf(sent, algorithm));
      });

      test('POST, then PUT', async () => {
        const { promised, sent } = lie();
        const location = await registry().startUpload(repository);
        expectError(await registry().finishUpload(location, promised.digest, sent), 400, 'DIGEST_INVALID');
        await expectNoBlob(registry(), repository, promised.digest);
        await expectNoBlob(registry(), repository, digestOf(sent, algorithm));
      });

      test('POST, PATCH, then PUT', async () => {
        const { promised, sent } = lie();
        const location = await registry().startUpload(repository);
        const sentChunk = await registry().sendChunk(location, sent);
        const answer = await registry().finishUpload(sentChunk.header('Location'), promised.digest);
        expectError(answer, 400, 'DIGEST_INVALID');
        await expectNoBlob(registry(), repository, promised.digest);
      });
    });
  });

  describe('pushing blobs with a digest that cannot be', () => {
    const repository = newRepository('bad-digest');

    test.each(['sha256:baddigeststring', 'sha256:', 'nothing', `md5:${'0'.repeat(32)}`, `SHA256:${'0'.repeat(64)}`])(
      'closing an upload with digest %s is DIGEST_INVALID',
      async (digest) => {
        const location = await registry().startUpload(repository);
        const answer = await registry().finishUpload(location, encodeURIComponent(digest), Buffer.from('x'));
        expectError(answer, 400, 'DIGEST_INVALID');
      },
    );

    test('closing an upload without a digest is DIGEST_INVALID', async () => {
      const location = await registry().startUpload(repository);
      expectError(await registry().request('PUT', location, { body: 'x' }), 400, 'DIGEST_INVALID');
    });

    test('POST with a malformed digest is DIGEST_INVALID', async () => {
      const answer = await registry().request('POST', `/v2/${repository}/blobs/uploads/?digest=sha256:bad`, {
        body: 'x',
      });
      expectError(answer, 400, 'DIGEST_INVALID');
    });

    test('an upload that does not exist is BLOB_UPLOAD_UNKNOWN', async () => {
      const gone = await registry().startUpload(repository);
      expect((await registry().delete(gone)).status).toBe(204);
      const { digest } = randomBlob();
      expectError(await registry().finishUpload(gone, digest, 'x'), 404, 'BLOB_UPLOAD_UNKNOWN');
      expectError(await registry().sendChunk(gone, 'x'), 404, 'BLOB_UPLOAD_UNKNOWN');
      expectError(await registry().get(gone), 404, 'BLOB_UPLOAD_UNKNOWN');
      expectError(await registry().delete(gone), 404, 'BLOB_UPLOAD_UNKNOWN');
    });

    test.each(['not-an-upload', '00000000-0000-0000-0000-000000000000', '..%2f..%2fpasswd'])(
      'the made-up upload %s is BLOB_UPLOAD_UNKNOWN',
      async (id) => {
        const location = `/v2/${repository}/blobs/uploads/${id}`;
        expectError(await registry().get(location), 404, 'BLOB_UPLOAD_UNKNOWN');
        expectError(await registry().sendChunk(location, 'x'), 404, 'BLOB_UPLOAD_UNKNOWN');
      },
    );

    test('an upload of another repository is BLOB_UPLOAD_UNKNOWN', async () => {
      const location = await registry().startUpload(repository);
      const elsewhere = location.replace(repository, newRepository('elsewhere'));
      const blob = randomBlob();
      expectError(await registry().finishUpload(elsewhere, blob.digest, blob.bytes), 404, 'BLOB_UPLOAD_UNKNOWN');
      expect((await registry().finishUpload(location, blob.digest, blob.bytes)).status).toBe(201);
    });

    test('parameters that the Location carries stay beside the digest', async () => {
      const blob = randomBlob();
      const location = withQuery(await registry().startUpload(repository), { unrelated: 'parameter' });
      expect((await registry().finishUpload(location, blob.digest, blob.bytes)).status).toBe(201);
    });
  });
}
