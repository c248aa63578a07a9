import { afterEach, describe, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { memoryApp, RedirectingDriver } from '../../../support/memory-app.ts';
import { pushBlob } from '../../../support/memory-registry.ts';
import { randomBlob } from '../../../support/oci-image.ts';

const PROXY = '10.0.0.7';
const blob = randomBlob(100);
const url = `/v2/a/blobs/${blob.digest}`;
let app: FastifyInstance;

afterEach(() => app.close());

async function start(redirect: object, trustedproxies: readonly string[] = []): Promise<void> {
  const started = await memoryApp(
    { storage: { inmemory: {}, redirect }, http: { trustedproxies } },
    new RedirectingDriver(),
  );
  app = started.app;
  await pushBlob(started.registry, 'a', blob);
}

function pull(remoteAddress: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') {
  return app.inject({ method, url, remoteAddress, headers });
}

describe('a client of an excepted network', () => {
  test('gets the bytes from here, and others the URL of the store', async () => {
    await start({ exceptions: { networks: ['192.168.0.0/16', '2001:db8::/32'] } });
    for (const inside of ['192.168.7.7', '::ffff:192.168.7.7', '2001:db8::5']) {
      const answer = await pull(inside);
      expect(answer.statusCode).toBe(200);
      expect(answer.rawPayload).toEqual(blob.bytes);
    }
    for (const outside of ['192.169.0.1', '::1', '2001:db9::5']) expect((await pull(outside)).statusCode).toBe(307);
  });

  test('is known behind a trusted proxy, and nobody can write itself into the network', async () => {
    await start({ exceptions: { networks: ['192.168.0.0/16'] } }, [PROXY]);
    const forwarded = { 'x-forwarded-for': '192.168.7.7' };
    expect((await pull(PROXY, forwarded)).statusCode).toBe(200);
    expect((await pull(PROXY, { 'x-forwarded-for': '203.0.113.9' })).statusCode).toBe(307);
    expect((await pull('203.0.113.9', forwarded)).statusCode).toBe(307);
  });
});

describe('a client with an excepted User-Agent', () => {
  test.each([
    ['containerd/*', 'containerd/v1.7.2', 200],
    ['containerd/*', 'Containerd/2', 200],
    ['containerd/*', 'docker/27 containerd/2', 307],
    ['*containerd/*', 'docker/27 containerd/2', 200],
    ['curl', 'curl', 200],
    ['curl', 'curl/8', 307],
    ['*/8', 'curl/8', 200],
    ['*/8', 'curl/8.1', 307],
    ['a*b*c', 'a-b-c', 200],
    ['a*b*c', 'a-c-b', 307],
    ['ab*ba', 'aba', 307],
    ['(a+)+$', 'aaaa', 307],
  ])('pattern %s, client %s: %d', async (pattern, userAgent, status) => {
    await start({ exceptions: { useragents: ['somebody/else', pattern] } });
    expect((await pull('203.0.113.9', { 'user-agent': userAgent })).statusCode).toBe(status);
  });

  test('is none when it has no User-Agent', async () => {
    await start({ exceptions: { useragents: ['curl/*'] } });
    expect((await pull('203.0.113.9', { 'user-agent': '' })).statusCode).toBe(307);
  });
});

describe('a redirect', () => {
  test('carries the digest, is kept by no cache, and repeats nothing that the client has sent', async () => {
    await start({});
    const answer = await pull('203.0.113.9', { authorization: 'Bearer swordfish', cookie: 'swordfish' });
    expect(answer.statusCode).toBe(307);
    expect(answer.headers).toMatchObject({ 'docker-content-digest': blob.digest, 'cache-control': 'no-store' });
    expect(answer.payload).toBe('');
    expect(JSON.stringify(answer.headers)).not.toContain('swordfish');
  });

  test('is given for a part as for the whole, and not for HEAD, nor where the client has the blob', async () => {
    await start({});
    expect((await pull('203.0.113.9', { range: 'bytes=5-' })).statusCode).toBe(307);
    const head = await pull('203.0.113.9', {}, 'HEAD');
    expect(head).toMatchObject({ statusCode: 200, headers: { 'content-length': '100' } });
    expect(head.headers['location']).toBeUndefined();
    expect((await pull('203.0.113.9', { 'if-none-match': `"${blob.digest}"` })).statusCode).toBe(304);
  });

  test('is given to nobody when it is switched off', async () => {
    await start({ disable: true });
    expect((await pull('203.0.113.9')).statusCode).toBe(200);
  });
});
