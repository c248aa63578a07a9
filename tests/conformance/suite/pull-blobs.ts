import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Content, digestOf, randomBlob } from '../../support/oci-image.ts';
import { expectBlob, expectError, expectNoBlob, newRepository, type Registry } from './expectations.ts';

/** end-2: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs */
export function pullBlobsSuite(registry: Registry): void {
  describe('end-2: pulling blobs', () => {
    const repository = newRepository('pull-blobs');
    const size = 2048;
    let blob: Content;
    let path: string;

    beforeAll(async () => {
      blob = randomBlob(size);
      path = `/v2/${repository}/blobs/${blob.digest}`;
      await registry().pushBlob(repository, blob);
    });

    test('HEAD and GET answer with length, digest and bytes', async () => {
      await expectBlob(registry(), repository, blob);
      const answer = await registry().get(path);
      expect(answer.header('ETag')).toBe(`"${blob.digest}"`);
      expect(answer.header('Accept-Ranges')).toBe('bytes');
      expect(answer.header('Content-Type')).toBe('application/octet-stream');
    });

    test('HEAD has the headers of GET', async () => {
      const [head, get] = [await registry().head(path), await registry().get(path)];
      for (const name of ['content-length', 'content-type', 'docker-content-digest', 'etag', 'accept-ranges']) {
        expect({ [name]: head.headers[name] }).toEqual({ [name]: get.headers[name] });
      }
    });

    // https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
    test.each([
      ['500-1499', 500, 1499],
      ['0-0', 0, 0],
      ['500-', 500, size - 1],
      ['-500', size - 500, size - 1],
      ['2000-5000', 2000, size - 1],
      ['-5000', 0, size - 1],
    ])('Range: bytes=%s gives that part', async (range, start, end) => {
      const answer = await registry().get(path, { Range: `bytes=${range}` });
      expect(answer.status).toBe(206);
      expect(answer.header('Content-Range')).toBe(`bytes ${start}-${end}/${size}`);
      expect(answer.header('Content-Length')).toBe(String(end - start + 1));
      expect(answer.body.equals(blob.bytes.subarray(start, end + 1))).toBe(true);
    });

    test.each(['5000-10000', '2048-', '-0', '500-0'])('Range: bytes=%s cannot be satisfied', async (range) => {
      const answer = await registry().get(path, { Range: `bytes=${range}` });
      expectError(answer, 416, 'RANGE_INVALID');
      expect(answer.header('Content-Range')).toBe(`bytes */${size}`);
    });

    test.each(['lines=1-2', 'bytes=a-b'])('a Range that is none of bytes (%s) is not looked at', async (range) => {
      const answer = await registry().get(path, { Range: range });
      expect(answer.status).toBe(200);
      expect(answer.body.equals(blob.bytes)).toBe(true);
    });

    // https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match
    test('If-None-Match with the ETag saves the bytes', async () => {
      const etag = (await registry().head(path)).header('ETag');
      const answer = await registry().get(path, { 'If-None-Match': etag });
      expect({ status: answer.status, length: answer.body.length }).toEqual({ status: 304, length: 0 });
      expect((await registry().get(path, { 'If-None-Match': '"another"' })).status).toBe(200);
    });

    test('a blob that nobody pushed is BLOB_UNKNOWN', async () => {
      await expectNoBlob(registry(), repository, randomBlob().digest);
    });

    test('a blob of another repository is not served here', async () => {
      await expectNoBlob(registry(), newRepository('other'), blob.digest);
    });

    test.each(['sha256:short', `sha256:${'A'.repeat(64)}`, `md5:${'a'.repeat(32)}`, `sha256:${'g'.repeat(64)}`])(
      'the malformed digest %s is refused',
      async (digest) => {
        const answer = await registry().get(`/v2/${repository}/blobs/${digest}`);
        expect([400, 404]).toContain(answer.status);
        expectError(answer, answer.status, 'DIGEST_INVALID', 'BLOB_UNKNOWN');
      },
    );

    test('GET of an empty blob is 200 with no bytes, and any range of it is 416', async () => {
      const empty: Content = { bytes: Buffer.alloc(0), digest: digestOf(Buffer.alloc(0)), mediaType: '' };
      await registry().pushBlob(repository, empty);
      await expectBlob(registry(), repository, empty);
      const ranged = await registry().get(`/v2/${repository}/blobs/${empty.digest}`, { Range: 'bytes=0-0' });
      expectError(ranged, 416, 'RANGE_INVALID');
    });
  });
}
