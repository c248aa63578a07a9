import { afterEach, describe, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { MemoryDriver } from '../../registry-image/src/storage/memory.ts';
import { memoryApp, RedirectingDriver } from '../support/memory-app.ts';
import { type MemoryRegistry, pushBlob, pushImage } from '../support/memory-registry.ts';
import { image, randomBlob } from '../support/oci-image.ts';

let app: FastifyInstance;

afterEach(() => app.close());

/** The server as a configuration file would make it, over memory, without listening. */
async function start(settings: object = {}, driver = new MemoryDriver()): Promise<MemoryRegistry> {
  const started = await memoryApp(settings, driver);
  app = started.app;
  return started.registry;
}

describe('Location', () => {
  test('is a path, which holds behind any proxy', async () => {
    await start();
    const { headers } = await app.inject({ method: 'POST', url: '/v2/a/b/blobs/uploads/' });
    expect(headers['location']).toMatch(/^\/v2\/a\/b\/blobs\/uploads\/[0-9a-f-]{36}$/);
  });

  test('is absolute with http.host, and a path again with http.relativeurls', async () => {
    await start({ http: { host: 'https://registry.example.com:5050' } });
    const absolute = await app.inject({ method: 'POST', url: '/v2/a/blobs/uploads/' });
    expect(absolute.headers['location']).toMatch(/^https:\/\/registry\.example\.com:5050\/v2\/a\/blobs\/uploads\//);
    await app.close();
    await start({ http: { host: 'https://registry.example.com:5050', relativeurls: true } });
    const relative = await app.inject({ method: 'POST', url: '/v2/a/blobs/uploads/' });
    expect(relative.headers['location']).toMatch(/^\/v2\/a\/blobs\/uploads\//);
  });
});

describe('every answer', () => {
  test('has the headers of the configuration, errors too', async () => {
    await start({ http: { headers: { 'Strict-Transport-Security': ['max-age=600'] } } });
    for (const url of ['/v2/', '/livez', '/nowhere', '/v2/A/tags/list']) {
      expect((await app.inject(url)).headers).toMatchObject({ 'strict-transport-security': ['max-age=600'] });
    }
  });

  test('below /v2/ names the API, errors too', async () => {
    await start();
    for (const url of ['/v2/', '/v2/a/tags/list']) {
      expect((await app.inject(url)).headers).toMatchObject({ 'docker-distribution-api-version': 'registry/2.0' });
    }
  });
});

describe('a pull of a blob', () => {
  const blob = randomBlob(100);
  const url = `/v2/a/blobs/${blob.digest}`;

  test('is sent to a signed URL where the storage has such, and HEAD is answered here', async () => {
    const registry = await start(
      { storage: { inmemory: {}, redirect: { expirydelay: '10m' } } },
      new RedirectingDriver(),
    );
    await pushBlob(registry, 'a', blob);
    const get = await app.inject(url);
    expect(get.statusCode).toBe(307);
    expect(get.headers['location']).toMatch(/^https:\/\/bucket\.example\.com\/docker\/registry\/.*expires=600000$/);
    const head = await app.inject({ method: 'HEAD', url });
    expect(head).toMatchObject({ statusCode: 200, headers: { 'content-length': '100' } });
  });

  test('is answered here when redirects are switched off', async () => {
    const registry = await start({ storage: { inmemory: {}, redirect: { disable: true } } }, new RedirectingDriver());
    await pushBlob(registry, 'a', blob);
    expect((await app.inject(url)).rawPayload).toEqual(blob.bytes);
  });
});

describe('a read-only registry', () => {
  test('serves pulls and refuses changes with the time to come back', async () => {
    const settings = { storage: { inmemory: {}, maintenance: { readonly: { enabled: true } } } };
    const registry = await start(settings);
    await pushImage(registry, 'a', image(), 'v1');
    expect((await app.inject('/v2/a/manifests/v1')).statusCode).toBe(200);
    const push = await app.inject({ method: 'POST', url: '/v2/a/blobs/uploads/' });
    expect(push).toMatchObject({ statusCode: 405, headers: { 'retry-after': '300' } });
    expect(push.json().errors[0]).toMatchObject({ code: 'UNSUPPORTED', detail: expect.stringContaining('read-only') });
  });
});

describe('a list', () => {
  test('of repositories is cut at catalog.maxentries, and the link leads on', async () => {
    const registry = await start({ catalog: { maxentries: 2 } });
    for (const repository of ['a', 'b', 'c']) await pushBlob(registry, repository, randomBlob());
    const first = await app.inject('/v2/_catalog?n=100');
    expect(first.json()).toEqual({ repositories: ['a', 'b'] });
    expect(first.headers['link']).toBe('</v2/_catalog?n=2&last=b>; rel="next"');
    const second = await app.inject('/v2/_catalog?n=2&last=b');
    expect(second.json()).toEqual({ repositories: ['c'] });
    expect(second.headers['link']).toBeUndefined();
  });
});

describe('/readyz', () => {
  test('is 503 and says why when the storage does not answer, after as many failures as configured', async () => {
    const driver = new MemoryDriver();
    driver.stat = async () => {
      throw new Error('bucket gone');
    };
    const registry = await start({ health: { storagedriver: { threshold: 1 } } }, driver);
    const answer = await app.inject('/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ status: 'not ready', checks: { storage: 'bucket gone', index: 'ok' } });
    expect((await app.inject('/livez')).statusCode).toBe(200);
    registry.health.stop();
  });

  test('is 503 once the server is shutting down', async () => {
    const registry = await start();
    expect((await app.inject('/readyz')).statusCode).toBe(200);
    registry.health.drain();
    expect((await app.inject('/readyz')).statusCode).toBe(503);
  });
});

describe('a fault of the server', () => {
  test('is 500 with the id of the request, and nothing of the inside', async () => {
    const registry = await start({ log: { level: 'error', accesslog: { disabled: true } } });
    registry.tags.list = async () => {
      throw new Error('secret inside');
    };
    const answer = await app.inject({ url: '/v2/a/tags/list', headers: { 'x-request-id': 'ticket-7' } });
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toEqual({
      errors: [{ code: 'UNKNOWN', message: 'unknown error', detail: { request_id: 'ticket-7' } }],
    });
  });
});
