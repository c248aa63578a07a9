import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import { AccessPolicy } from '../../../registry-image/src/auth/access-policy.ts';
import { openAuth, type TokenEndpoint } from '../../../registry-image/src/auth/open-auth.ts';
import { requireAccess } from '../../../registry-image/src/auth/require-access.ts';
import { TokenService } from '../../../registry-image/src/auth/token-service.ts';
import { handleErrors } from '../../../registry-image/src/errors/error-handler.ts';
import { tokenRoutes } from '../../../registry-image/src/http/token.ts';
import { BackgroundProcess } from '../../support/background-process.ts';
import { freePort } from '../../support/free-port.ts';
import { image, writeOciLayout } from '../../support/oci-image.ts';
import { describeWith, findTool } from '../../support/requirements.ts';
import { tryCommand } from '../../support/run-command.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { authConfig, ISSUER, PASSWORDS, SERVICE } from './auth-settings.ts';

/** The token endpoint by itself, and Debian's docker-registry, which sends its clients there. */
describeWith(['docker-registry', 'skopeo'], 'an external registry (CNCF distribution 2.8)', () => {
  describe.each([
    ['ES256 and a certificate', 'ES256', 'rfc7638', true],
    ['RS256 and a certificate', 'RS256', 'rfc7638', true],
    ['ES256 and the libtrust id alone', 'ES256', 'libtrust', false],
    ['RS256 and the libtrust id alone', 'RS256', 'libtrust', false],
  ] as const)('takes our tokens with %s:', (_name, signingalgorithm, keyid, withCertificate) => {
    const directory = temporaryDirectory('external-registry');
    const inDirectory = (name: string) => path.join(directory.path, name);
    const authFile = inDirectory('auth.json');
    const skopeo = (...args: string[]) => tryCommand(findTool('skopeo') as string, args);
    let endpoint: FastifyInstance;
    let registry: BackgroundProcess;
    let host: string;

    beforeAll(async () => {
      endpoint = Fastify();
      const port = await freePort();
      const realm = `http://127.0.0.1:${port}/jwt/auth`;
      const config = authConfig(directory.path, { token: { realm }, endpoint: { signingalgorithm, keyid } });
      const { authenticator, tokenEndpoint } = await openAuth(config);
      const { service, users } = tokenEndpoint as TokenEndpoint;
      const key = withCertificate ? service.key : { ...service.key, certificates: [] };
      const policy = new AccessPolicy(config.tokenendpoint?.access ?? []);
      const options = { key, policy, issuer: ISSUER, service: SERVICE, keyId: keyid, expiration: 300_000 };
      handleErrors(endpoint);
      requireAccess(endpoint, authenticator);
      await endpoint.register(tokenRoutes, { users, service: new TokenService(options) });
      await endpoint.listen({ host: '127.0.0.1', port });
      ({ registry, host } = await startRegistry(realm));
      writeOciLayout(inDirectory('layout'), image(), 'v1');
    });
    afterEach(() => writeFileSync(authFile, '{}'));
    afterAll(async () => {
      await registry?.stop();
      await endpoint.close();
      directory.remove();
    });

    async function startRegistry(realm: string) {
      const address = `127.0.0.1:${await freePort()}`;
      const token = { realm, service: SERVICE, issuer: ISSUER, rootcertbundle: inDirectory('token.key.crt') };
      const config = {
        version: '0.1',
        storage: { filesystem: { rootdirectory: inDirectory('storage') }, delete: { enabled: true } },
        auth: { token },
        http: { addr: address },
      };
      // JSON is YAML.
      writeFileSync(inDirectory('config.yml'), JSON.stringify(config));
      const running = await BackgroundProcess.start(
        findTool('docker-registry') as string,
        ['serve', inDirectory('config.yml')],
        { isReady: async () => (await fetch(`http://${address}/v2/`)).status === 401 },
      );
      return { registry: running, host: address };
    }

    const login = (user: string, password: string) =>
      skopeo('login', '--tls-verify=false', '--authfile', authFile, '-u', user, '-p', password, host);
    const push = (name: string) => {
      const from = `oci:${inDirectory('layout')}:v1`;
      return skopeo('copy', '--dest-tls-verify=false', '--authfile', authFile, from, `docker://${host}/${name}:v1`);
    };
    const inspect = (name: string) =>
      skopeo('inspect', '--tls-verify=false', '--authfile', authFile, `docker://${host}/${name}:v1`);

    test('login, push and pull of a nested repository', async () => {
      expect(await login('ci', PASSWORDS.ci)).toMatchObject({ exitCode: 0 });
      expect(await push('group/project/my/image')).toMatchObject({ exitCode: 0 });
      expect(await inspect('group/project/my/image')).toMatchObject({ exitCode: 0 });
    });

    test('no login with a wrong password', async () => {
      expect(await login('ci', 'wrong')).toMatchObject({ exitCode: 1 });
    });

    test('no push where the user may not, and no pull without a login', async () => {
      await login('ci', PASSWORDS.ci);
      expect(await push('other/image')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('denied') });
      expect(await push('group/image')).toMatchObject({ exitCode: 0 });
      writeFileSync(authFile, '{}');
      expect(await inspect('group/image')).toMatchObject({ exitCode: 1 });
    });

    test('deletion by who may do everything', async () => {
      await login('root', PASSWORDS.root);
      expect(await push('root/image')).toMatchObject({ exitCode: 0 });
      const image = `docker://${host}/root/image:v1`;
      expect(await skopeo('delete', '--tls-verify=false', '--authfile', authFile, image)).toMatchObject({
        exitCode: 0,
      });
    });
  });
});
