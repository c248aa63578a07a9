import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { expectError } from '../conformance/suite/expectations.ts';
import { HttpClient } from '../support/http-client.ts';
import { image, MEDIA_TYPES } from '../support/oci-image.ts';
import { basicAuthorization, parseBearerChallenge } from '../support/registry-client.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

/** What a token endpoint answers: https://distribution.github.io/distribution/spec/auth/token/#token-response-fields */
interface TokenAnswer {
  readonly token: string;
  readonly access_token: string;
  readonly expires_in: number;
  readonly issued_at: string;
}

/**
 * The requests of Docker Engine 28, in its order. Nothing here runs docker; its requests are written down from
 * https://github.com/moby/moby/blob/v28.5.2/registry and https://distribution.github.io/distribution/spec/auth/token/.
 */
describe('the requests that docker makes', () => {
  const userAgent = 'docker/28.5.1 go/go1.24.8 os/linux arch/amd64';
  let registry: RegistryProcess;
  let http: HttpClient;

  beforeAll(async () => {
    registry = await startRegistry({ login: 'token' });
    http = new HttpClient(registry.url, registry.ca);
  });
  afterAll(async () => {
    http.close();
    await registry.stop();
  });

  const send = (method: string, target: string, headers: Record<string, string> = {}, body?: Buffer) =>
    http.request(method, target, {
      headers: { 'User-Agent': userAgent, ...headers },
      ...(body === undefined ? {} : { body }),
    });

  async function challenge(): Promise<URL> {
    const { realm, service } = parseBearerChallenge((await send('GET', '/v2/')).header('WWW-Authenticate'));
    const url = new URL(realm);
    url.searchParams.set('account', registry.credentials.username);
    url.searchParams.set('client_id', 'docker');
    url.searchParams.set('offline_token', 'true');
    url.searchParams.set('service', service);
    return url;
  }

  async function tokenFor(...scopes: string[]): Promise<string> {
    const url = await challenge();
    for (const scope of scopes) url.searchParams.append('scope', scope);
    const answer = await send('GET', url.href, { Authorization: basicAuthorization(registry.credentials) });
    expect(answer.status).toBe(200);
    return answer.json<TokenAnswer>().token;
  }

  test('docker login: no scope, and GET /v2/ with the token is 200', async () => {
    const answer = await send('GET', (await challenge()).href, {
      Authorization: basicAuthorization(registry.credentials),
    });
    expect(answer.status).toBe(200);
    const { token, access_token, expires_in, issued_at } = answer.json<TokenAnswer>();
    expect(access_token).toBe(token);
    expect(expires_in).toBeGreaterThanOrEqual(60);
    expect(new Date(issued_at).toISOString().slice(0, 19)).toBe(issued_at.slice(0, 19));
    expect((await send('GET', '/v2/', { Authorization: `Bearer ${token}` })).status).toBe(200);
  });

  test('docker login with a wrong password: 401 with a body', async () => {
    const wrong = basicAuthorization({ ...registry.credentials, password: 'wrong' });
    const answer = await send('GET', (await challenge()).href, { Authorization: wrong });
    expect(answer.status).toBe(401);
    expect(answer.text).not.toBe('');
  });

  test('docker push: HEAD, POST, one PATCH in chunks, PUT without body, manifest; then docker pull', async () => {
    const repository = 'team/app';
    const Authorization = `Bearer ${await tokenFor(`repository:${repository}:pull,push`)}`;
    const pushed = image({ format: 'docker' });
    for (const blob of pushed.blobs) {
      expect((await send('HEAD', `/v2/${repository}/blobs/${blob.digest}`, { Authorization })).status).toBe(404);
      const started = await send('POST', `/v2/${repository}/blobs/uploads/`, { Authorization, 'Content-Length': '0' });
      expect(started.status).toBe(202);
      const sent = await http.request('PATCH', started.header('Location'), {
        headers: { Authorization },
        body: async function* () {
          yield blob.bytes;
        },
      });
      expect(sent.status).toBe(202);
      const close = new URL(sent.header('Location'), registry.url);
      close.searchParams.set('digest', blob.digest);
      const closed = await send('PUT', close.href, { Authorization, 'Content-Length': '0' });
      expect(closed.status).toBe(201);
      expect(closed.header('Docker-Content-Digest')).toBe(blob.digest);
    }
    const put = await send(
      'PUT',
      `/v2/${repository}/manifests/latest`,
      { Authorization, 'Content-Type': MEDIA_TYPES.dockerManifest },
      pushed.manifest.bytes,
    );
    expect(put.status).toBe(201);

    const pullAuthorization = { Authorization: `Bearer ${await tokenFor(`repository:${repository}:pull`)}` };
    const accept = [MEDIA_TYPES.dockerManifest, MEDIA_TYPES.dockerList, MEDIA_TYPES.ociIndex, MEDIA_TYPES.ociManifest];
    const headers = { ...pullAuthorization, Accept: accept.join(', ') };
    const head = await send('HEAD', `/v2/${repository}/manifests/latest`, headers);
    expect(head.header('Docker-Content-Digest')).toBe(pushed.manifest.digest);
    const manifest = await send('GET', `/v2/${repository}/manifests/${pushed.manifest.digest}`, headers);
    expect(manifest.header('Content-Type')).toBe(MEDIA_TYPES.dockerManifest);
    for (const blob of pushed.blobs) {
      const pulled = await send('GET', `/v2/${repository}/blobs/${blob.digest}`, pullAuthorization);
      expect(pulled.body.equals(blob.bytes)).toBe(true);
    }
  });

  test('a mount asks for pull on the source in the same token, and gets 201', async () => {
    const [source, target] = ['team/base', 'team/derived'];
    const admin = registry.client();
    const pushed = image();
    await admin.pushImage(source, pushed, 'latest');
    admin.close();
    const { digest } = pushed.blobs[1] ?? { digest: '' };
    const mount = `/v2/${target}/blobs/uploads/?mount=${digest}&from=${encodeURIComponent(source)}`;
    const both = await tokenFor(`repository:${target}:pull,push`, `repository:${source}:pull`);
    expect((await send('POST', mount, { Authorization: `Bearer ${both}` })).status).toBe(201);
  });

  test('a mount whose token lacks pull on the source becomes an upload, or asks for that scope', async () => {
    const [source, target] = ['team/secret', 'team/thief'];
    const admin = registry.client();
    const pushed = image();
    await admin.pushImage(source, pushed, 'latest');
    admin.close();
    const { digest } = pushed.blobs[1] ?? { digest: '' };
    const mount = `/v2/${target}/blobs/uploads/?mount=${digest}&from=${encodeURIComponent(source)}`;
    const Authorization = `Bearer ${await tokenFor(`repository:${target}:pull,push`)}`;
    const answer = await send('POST', mount, { Authorization });
    expect([202, 401]).toContain(answer.status);
    if (answer.status === 401) expect(answer.header('WWW-Authenticate')).toContain(`repository:${source}:pull`);
    expect((await send('HEAD', `/v2/${target}/blobs/${digest}`, { Authorization })).status).toBe(404);
  });

  test('a token without the scope is answered with 401 and the scope that is missing, in one challenge', async () => {
    const Authorization = `Bearer ${await tokenFor('repository:team/app:pull')}`;
    const answer = await send('POST', '/v2/team/app/blobs/uploads/', { Authorization });
    expectError(answer, 401, 'UNAUTHORIZED');
    const { scope, error, realm, service } = parseBearerChallenge(answer.header('WWW-Authenticate'));
    expect(scope).toMatch(/^repository:team\/app:(pull,push|push,pull|push)$/);
    expect(error).toBe('insufficient_scope');
    expect({ realm, service }).toEqual({ realm: `${registry.url}/jwt/auth`, service: 'container_registry' });
  });
});
