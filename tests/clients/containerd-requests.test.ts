import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { HttpResponse } from '../support/http-client.ts';
import { image, MEDIA_TYPES } from '../support/oci-image.ts';
import { RegistryClient } from '../support/registry-client.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

/**
 * The requests of containerd 2, which asks for its token by a form: https://distribution.github.io/distribution/spec/auth/oauth/
 * and https://github.com/containerd/containerd/blob/v2.1.4/core/remotes/docker/auth/fetch.go.
 */
describe('the requests that containerd makes', () => {
  let registry: RegistryProcess;
  let anonymous: RegistryClient;

  beforeAll(async () => {
    registry = await startRegistry({ login: 'token' });
    const admin = registry.client();
    await admin.pushImage('team/one', image(), 'latest');
    await admin.pushImage('team/two', image(), 'latest');
    admin.close();
    anonymous = registry.client('anonymous');
  });
  afterAll(async () => {
    anonymous.close();
    await registry.stop();
  });

  function post(fields: Record<string, string>): Promise<HttpResponse> {
    return anonymous.http.request('POST', '/jwt/auth', {
      headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body: new URLSearchParams({
        service: 'container_registry',
        client_id: 'containerd-client',
        ...fields,
      }).toString(),
    });
  }

  const login = (scope: string) => ({ grant_type: 'password', scope, ...registry.credentials });

  test('a password grant for several scopes in one gives one token that is good for all of them', async () => {
    const answer = await post(login('repository:team/one:pull repository:team/two:pull,push'));
    expect(answer.status).toBe(200);
    const { access_token } = answer.json<{ access_token: string }>();
    for (const repository of ['team/one', 'team/two']) {
      const pulled = await anonymous.get(`/v2/${repository}/manifests/latest`, {
        Authorization: `Bearer ${access_token}`,
        Accept: `${MEDIA_TYPES.dockerManifest}, ${MEDIA_TYPES.dockerList}, ${MEDIA_TYPES.ociManifest}, ${MEDIA_TYPES.ociIndex}, */*`,
      });
      expect(pulled.status).toBe(200);
    }
  });

  test('a wrong password is refused', async () => {
    const answer = await post({ ...login('repository:team/one:pull'), password: 'wrong' });
    expect([400, 401]).toContain(answer.status);
  });

  test('a blob is pulled from where an earlier connection broke off', async () => {
    const admin = new RegistryClient({
      url: registry.url,
      credentials: registry.credentials,
      ...(registry.ca === undefined ? {} : { ca: registry.ca }),
    });
    const pushed = image({ layerSize: 50_000 });
    await admin.pushImage('team/resumed', pushed, 'latest');
    const { digest, bytes } = pushed.blobs[1] ?? { digest: '', bytes: Buffer.alloc(0) };
    const rest = await admin.get(`/v2/team/resumed/blobs/${digest}`, { Range: 'bytes=30000-' });
    expect(rest.status).toBe(206);
    expect(Buffer.concat([bytes.subarray(0, 30_000), rest.body]).equals(bytes)).toBe(true);
    admin.close();
  });
});
