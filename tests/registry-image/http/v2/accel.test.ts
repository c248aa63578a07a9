import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { accelPath } from '../../../../registry-image/src/http/v2/accel.ts';
import { CheckedDriver } from '../../../../registry-image/src/storage/checked-driver.ts';
import { FilesystemDriver } from '../../../../registry-image/src/storage/filesystem.ts';
import { blobDataKey } from '../../../../registry-image/src/storage/key-layout.ts';
import { memoryApp } from '../../../support/memory-app.ts';
import { type MemoryRegistry, pushBlob } from '../../../support/memory-registry.ts';
import { type Content, randomBlob } from '../../../support/oci-image.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

const NGINX = '10.0.0.7';
const ASKS = { 'x-sendfile-type': 'X-Accel-Redirect' };

describe('with http.accelredirect', () => {
  const directory = temporaryDirectory('accel');
  const large = randomBlob(2000);
  const small = randomBlob(1999);
  let app: FastifyInstance;
  let registry: MemoryRegistry;

  beforeAll(async () => {
    const rootdirectory = directory.path;
    const driver = new CheckedDriver(await FilesystemDriver.open({ rootdirectory }));
    const http = { trustedproxies: [NGINX], accelredirect: { prefix: '/files/', minsize: 2000 } };
    const storage = { filesystem: { rootdirectory } };
    ({ app, registry } = await memoryApp({ storage, http }, driver));
    for (const blob of [large, small]) await pushBlob(registry, 'a', blob);
  });
  afterAll(async () => {
    await app.close();
    directory.remove();
  });

  const ask = (
    blob: Content,
    headers: Record<string, string> = ASKS,
    remoteAddress = NGINX,
    method: 'GET' | 'HEAD' = 'GET',
  ) => app.inject({ method, url: `/v2/a/blobs/${blob.digest}`, remoteAddress, headers });

  test('nginx is told the file of a large blob, with every header of the answer and none of its bytes', async () => {
    const answer = await ask(large);
    expect(answer.statusCode).toBe(200);
    expect(answer.payload).toBe('');
    expect(answer.headers).toMatchObject({
      'x-accel-redirect': `/files/${blobDataKey(large.digest)}`,
      'content-length': '0',
      'content-type': 'application/octet-stream',
      'docker-content-digest': large.digest,
      etag: `"${large.digest}"`,
      'cache-control': 'private, max-age=31536000, immutable',
    });
  });

  test.each<[string, () => ReturnType<typeof ask>]>([
    ['a small blob', () => ask(small)],
    ['a client past nginx that says that it is one', () => ask(large, ASKS, '203.0.113.9')],
    ['a request on the machine of nginx that does not come through it', () => ask(large, {})],
    ['a proxy that knows another way', () => ask(large, { 'x-sendfile-type': 'X-Sendfile' })],
    ['a condition that nginx would judge by the file', () => ask(large, { ...ASKS, 'if-match': '"x"' })],
    ['HEAD', () => ask(large, ASKS, NGINX, 'HEAD')],
  ])('%s is answered from here', async (_what, asked) => {
    const answer = await asked();
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['x-accel-redirect']).toBeUndefined();
    expect(Number(answer.headers['content-length'])).toBeGreaterThanOrEqual(1999);
    if (answer.raw.req.method === 'GET') expect(answer.rawPayload.length).toBeGreaterThanOrEqual(1999);
  });

  test('parts are left to nginx, but for those behind the end', async () => {
    const part = await ask(large, { ...ASKS, range: 'bytes=10-19' });
    expect(part).toMatchObject({ statusCode: 200, headers: { 'x-accel-redirect': expect.any(String) } });
    expect(await ask(large, { ...ASKS, range: 'bytes=2000-' })).toMatchObject({ statusCode: 416 });
  });

  test('a blob whose file is lost is an error, as it is without nginx', async () => {
    const lost = randomBlob(3000);
    await pushBlob(registry, 'a', lost);
    await registry.driver.delete(blobDataKey(lost.digest));
    const [accelerated, direct] = [await ask(lost), await ask(lost, {})];
    expect(accelerated.headers['x-accel-redirect']).toBeUndefined();
    expect(accelerated.statusCode).toBeGreaterThanOrEqual(400);
    expect(accelerated.statusCode).toBe(direct.statusCode);
  });
});

test('the path of a file is encoded as nginx decodes it', () => {
  expect(accelPath('/files/', 'second disk, 100%/a?b#c/ü')).toBe('/files/second%20disk%2C%20100%25/a%3Fb%23c/%C3%BC');
});
