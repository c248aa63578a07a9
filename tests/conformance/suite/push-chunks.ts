import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { HttpResponse } from '../../support/http-client.ts';
import { type Algorithm, content, randomBlob } from '../../support/oci-image.ts';
import { type RegistryClient, withQuery } from '../../support/registry-client.ts';
import { expectBlob, expectError, expectNoBlob, expectPushed, newRepository, type Registry } from './expectations.ts';

async function* inPieces(bytes: Buffer, pieceSize: number): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceSize) yield bytes.subarray(start, start + pieceSize);
}

/** The upload is at `size` bytes and goes on. @returns where */
function expectProgress(answer: HttpResponse, status: number, size: number): string {
  expect({ status: answer.status, range: answer.headers.range }).toEqual({
    status,
    range: `0-${Math.max(size - 1, 0)}`,
  });
  return answer.header('Location');
}

/** end-5, end-13, end-14: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks */
export function pushChunksSuite(registry: Registry): void {
  describe.each<Algorithm>(['sha256', 'sha512'])('pushing blobs in chunks (%s)', (algorithm) => {
    const repository = newRepository(`push-chunks-${algorithm}`);
    const chunk = 1024;
    const newBlob = () => randomBlob(3 * chunk - 5, algorithm);
    const send = (client: RegistryClient, location: string, bytes: Buffer, start: number, end: number) =>
      client.sendChunk(location, bytes.subarray(start, end), { start, end: Math.min(end, bytes.length) - 1 });

    test('end-5: chunks in order, then an empty PUT', async () => {
      const blob = newBlob();
      let location = await registry().startUpload(repository);
      for (let start = 0; start < blob.bytes.length; start += chunk) {
        const answer = await send(registry(), location, blob.bytes, start, start + chunk);
        expect(answer.header('Content-Length')).toBe('0');
        location = expectProgress(answer, 202, Math.min(start + chunk, blob.bytes.length));
      }
      const closed = await registry().request('PUT', withQuery(location, { digest: blob.digest }), {
        headers: { 'Content-Length': '0' },
      });
      await expectPushed(registry(), closed, blob);
      await expectBlob(registry(), repository, blob);
    });

    test('end-6: the last chunk may come with the PUT', async () => {
      const blob = newBlob();
      let location = await registry().startUpload(repository);
      location = expectProgress(await send(registry(), location, blob.bytes, 0, 2 * chunk), 202, 2 * chunk);
      const answer = await registry().request('PUT', withQuery(location, { digest: blob.digest }), {
        headers: { 'Content-Range': `${2 * chunk}-${blob.bytes.length - 1}` },
        body: blob.bytes.subarray(2 * chunk),
      });
      await expectPushed(registry(), answer, blob);
      await expectBlob(registry(), repository, blob);
    });

    test('a first chunk that does not start at 0 is 416, and the upload goes on', async () => {
      const blob = newBlob();
      const location = await registry().startUpload(repository);
      const refused = await send(registry(), location, blob.bytes, chunk, 2 * chunk);
      expect(refused.status).toBe(416);
      expect(refused.header('Content-Length')).toBe(String(refused.body.length));
      const next = expectProgress(await registry().get(location), 204, 0);
      const sent = expectProgress(
        await send(registry(), next, blob.bytes, 0, blob.bytes.length),
        202,
        blob.bytes.length,
      );
      await expectPushed(registry(), await registry().finishUpload(sent, blob.digest), blob);
    });

    test('a chunk out of order is 416 with where the upload stands, and the upload goes on', async () => {
      const blob = newBlob();
      let location = await registry().startUpload(repository);
      location = expectProgress(await send(registry(), location, blob.bytes, 0, chunk), 202, chunk);
      for (const [start, end] of [
        [0, chunk],
        [chunk - 1, 2 * chunk],
        [chunk + 1, 2 * chunk],
        [2 * chunk, blob.bytes.length],
      ] as const) {
        location = expectProgress(await send(registry(), location, blob.bytes, start, end), 416, chunk);
      }
      location = expectProgress(await registry().get(location), 204, chunk);
      location = expectProgress(
        await send(registry(), location, blob.bytes, chunk, blob.bytes.length),
        202,
        blob.bytes.length,
      );
      await expectPushed(registry(), await registry().finishUpload(location, blob.digest), blob);
      await expectBlob(registry(), repository, blob);
    });

    test('a closing PUT out of order is 416, and the upload goes on', async () => {
      const blob = newBlob();
      let location = await registry().startUpload(repository);
      location = expectProgress(await send(registry(), location, blob.bytes, 0, chunk), 202, chunk);
      const refused = await registry().request('PUT', withQuery(location, { digest: blob.digest }), {
        headers: { 'Content-Range': `${2 * chunk}-${blob.bytes.length - 1}` },
        body: blob.bytes.subarray(2 * chunk),
      });
      expect(refused.status).toBe(416);
      location = expectProgress(await registry().get(location), 204, chunk);
      const answer = await registry().finishUpload(location, blob.digest, blob.bytes.subarray(chunk));
      await expectPushed(registry(), answer, blob);
    });

    test.each(['x-y', '5', '1023-0', '0-'])(
      'Content-Range: %s is not of the form 0-1023 and is refused, and the upload goes on',
      async (range) => {
        const location = await registry().startUpload(repository);
        const headers = { 'Content-Range': range };
        const answer = await registry().request('PATCH', location, { headers, body: Buffer.alloc(1024) });
        expect([400, 416]).toContain(answer.status);
        expectProgress(await registry().get(location), 204, 0);
      },
    );

    test('a Content-Range longer or shorter than the body is refused, and the upload goes on where it stood', async () => {
      const blob = randomBlob(chunk, algorithm);
      const location = await registry().startUpload(repository);
      for (const end of [chunk - 2, chunk]) {
        const answer = await registry().sendChunk(location, blob.bytes, { start: 0, end });
        expect([400, 416]).toContain(answer.status);
      }
      const next = expectProgress(await registry().get(location), 204, 0);
      await expectPushed(registry(), await registry().finishUpload(next, blob.digest, blob.bytes), blob);
    });

    test('a streamed PATCH with neither Content-Length nor Content-Range, then PUT', async () => {
      const blob = randomBlob(300_000, algorithm);
      const location = await registry().startUpload(repository);
      const sent = await registry().sendChunk(location, () => inPieces(blob.bytes, 7_000));
      const next = expectProgress(sent, 202, blob.bytes.length);
      await expectPushed(registry(), await registry().finishUpload(next, blob.digest), blob);
      await expectBlob(registry(), repository, blob);
    });

    test('an empty blob as a streamed PATCH without a byte', async () => {
      const blob = content(Buffer.alloc(0), 'application/octet-stream', algorithm);
      const location = await registry().startUpload(repository);
      const sent = await registry().sendChunk(location, () => inPieces(Buffer.alloc(0), 1));
      expect(sent.status).toBe(202);
      await expectPushed(registry(), await registry().finishUpload(sent.header('Location'), blob.digest), blob);
    });

    test('streamed PATCHes without a range are put one after the other', async () => {
      const blob = newBlob();
      let location = await registry().startUpload(repository);
      const sent = await registry().sendChunk(location, () => inPieces(blob.bytes.subarray(0, 1500), 400));
      location = expectProgress(sent, 202, 1500);
      const more = await registry().sendChunk(location, () => inPieces(blob.bytes.subarray(1500), 400));
      location = expectProgress(more, 202, blob.bytes.length);
      await expectPushed(registry(), await registry().finishUpload(location, blob.digest), blob);
    });

    test('end-13: a broken connection loses nothing that arrived, and the upload is taken up from there', async () => {
      const blob = randomBlob(1_000_000, algorithm);
      const location = await registry().startUpload(repository);
      await breakOff(registry(), location, blob.bytes, 600_000);
      const status = await settled(registry(), location);
      const kept = Number(status.header('Range').split('-')[1]) + 1;
      expect(kept).toBeLessThanOrEqual(600_000);
      // Range cannot tell one byte from none.
      const start = kept === 1 ? 0 : kept;
      const next = expectProgress(
        await send(registry(), status.header('Location'), blob.bytes, start, blob.bytes.length),
        202,
        blob.bytes.length,
      );
      await expectPushed(registry(), await registry().finishUpload(next, blob.digest), blob);
      await expectBlob(registry(), repository, blob);
    });
  });

  // https://distribution.github.io/distribution/spec/api/#canceling-an-upload
  test('end-14: DELETE cancels an upload', async () => {
    const repository = newRepository('cancel');
    const blob = randomBlob();
    const location = await registry().startUpload(repository);
    const sent = await registry().sendChunk(location, blob.bytes);
    expect((await registry().delete(sent.header('Location'))).status).toBe(204);
    expectError(await registry().get(location), 404, 'BLOB_UPLOAD_UNKNOWN');
    expectError(await registry().finishUpload(location, blob.digest), 404, 'BLOB_UPLOAD_UNKNOWN');
    await expectNoBlob(registry(), repository, blob.digest);
  });
}

/** Sends the beginning of a chunk and tears the connection. */
async function breakOff(client: RegistryClient, location: string, bytes: Buffer, sent: number): Promise<void> {
  const request = client.http.open('PATCH', location, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': String(bytes.length),
    'Content-Range': `0-${bytes.length - 1}`,
    ...(await client.authorization('PATCH', location)),
  });
  request.on('error', () => {});
  if (!request.write(bytes.subarray(0, sent))) await once(request, 'drain');
  request.destroy();
}

/** The status of an upload once the server has noticed that its client is gone: two answers in a row are the same. */
async function settled(client: RegistryClient, location: string): Promise<HttpResponse> {
  let previous = '';
  for (;;) {
    const answer = await client.get(location);
    if (answer.status === 204) {
      if (answer.header('Range') === previous) return answer;
      previous = answer.header('Range');
    }
    await sleep(200);
  }
}
