import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import type { RouteAccess } from '../../../registry-image/src/auth/access.ts';
import { type Authentication, openAuth } from '../../../registry-image/src/auth/open-auth.ts';
import { requireAccess } from '../../../registry-image/src/auth/require-access.ts';
import { parseScopes } from '../../../registry-image/src/auth/scope.ts';
import { configSchema } from '../../../registry-image/src/config/schema.ts';
import { handleErrors } from '../../../registry-image/src/errors/error-handler.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { type AuthSettings, authConfig, basic, PASSWORDS, REALM, SERVICE } from './auth-settings.ts';

const directory = temporaryDirectory('require-access');
let authentication: Authentication;
let apps: FastifyInstance[] = [];

beforeAll(async () => {
  authentication = await openAuth(authConfig(directory.path));
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
});
afterAll(() => directory.remove());

const ROUTES: Record<string, RouteAccess> = {
  '/public': 'public',
  '/v2/': 'authenticated',
  '/v2/_catalog': 'catalog',
  '/pull/:name': 'pull',
  '/push/:name': 'push',
  '/delete/:name': 'delete',
};

/** One route for each kind of access; each answers with the subject. */
function buildApp({ authenticator }: Authentication): FastifyInstance {
  const app = Fastify();
  apps.push(app);
  handleErrors(app);
  requireAccess(app, authenticator);
  for (const [url, access] of Object.entries(ROUTES)) {
    app.get(url, { config: { access } }, async (request) => ({ subject: request.access.subject }));
  }
  return app;
}

async function get(url: string, authorization?: string, app = buildApp(authentication), headers = {}) {
  const response = await app.inject({ url, headers: { ...headers, ...(authorization && { authorization }) } });
  return { status: response.statusCode, challenge: response.headers['www-authenticate'], body: response.json() };
}

async function bearer(subject: string, ...scopes: string[]): Promise<string> {
  const { service } = authentication.tokenEndpoint as NonNullable<Authentication['tokenEndpoint']>;
  return `Bearer ${(await service.issue({ subject, scopes: parseScopes(scopes) })).token}`;
}

describe('a route', () => {
  test('that declares no access cannot be registered', () => {
    const app = Fastify();
    apps.push(app);
    requireAccess(app, authentication.authenticator);
    expect(() => app.get('/forgotten', async () => 'open')).toThrow('GET /forgotten declares no config.access');
  });

  test('that is public is open to all, also to those with a wrong token', async () => {
    expect(await get('/public', 'Bearer wrong')).toMatchObject({ status: 200 });
  });

  test('that does not exist is 404 with or without a token', async () => {
    expect(await get('/nowhere')).toMatchObject({ status: 404, challenge: undefined });
  });
});

describe('a request without a token', () => {
  const start = `Bearer realm="${REALM}",service="${SERVICE}"`;
  test.each([
    ['/v2/', start],
    ['/v2/_catalog', `${start},scope="registry:catalog:*"`],
    ['/pull/group%2Fapp', `${start},scope="repository:group/app:pull"`],
    ['/push/group%2Fapp', `${start},scope="repository:group/app:pull,push"`],
    ['/delete/group%2Fapp', `${start},scope="repository:group/app:delete"`],
  ])('to %s is told which one to get', async (url, challenge) => {
    expect(await get(url)).toEqual({
      status: 401,
      challenge,
      body: { errors: [{ code: 'UNAUTHORIZED', message: expect.any(String), detail: expect.stringContaining(REALM) }] },
    });
  });

  test('to a name that no header can carry is still 401', async () => {
    const { status, challenge } = await get('/pull/a%0d%0aX%22%c3%bc');
    expect([status, challenge]).toEqual([401, expect.stringContaining('scope="repository:a??X\\"?:pull"')]);
  });
});

describe('a token', () => {
  test('opens what it has the scope for, and no other', async () => {
    const token = await bearer('ci', 'repository:group/app:pull,push');
    expect(await get('/pull/group%2Fapp', token)).toMatchObject({ status: 200, body: { subject: 'ci' } });
    expect(await get('/push/group%2Fapp', token)).toMatchObject({ status: 200 });
    expect(await get('/v2/', token)).toMatchObject({ status: 200 });
    for (const url of ['/delete/group%2Fapp', '/pull/group%2Fother', '/v2/_catalog']) {
      expect(await get(url, token)).toMatchObject({
        status: 401,
        challenge: expect.stringMatching(/,scope="[^"]+",error="insufficient_scope"$/),
      });
    }
  });

  test('with push alone opens a push', async () => {
    expect(await get('/push/group%2Fapp', await bearer('ci', 'repository:group/app:push'))).toMatchObject({
      status: 200,
    });
  });

  test('for the catalog opens the catalog', async () => {
    expect(await get('/v2/_catalog', await bearer('root', 'registry:catalog:*'))).toMatchObject({ status: 200 });
  });

  test.each(['Bearer wrong', 'Bearer', basic('root', PASSWORDS.root), 'Negotiate abc'])(
    '%s is refused as invalid',
    async (header) => {
      expect(await get('/pull/group%2Fapp', header)).toMatchObject({
        status: 401,
        challenge: expect.stringContaining('error="invalid_token"'),
      });
    },
  );
});

describe('with autoredirect', () => {
  const realmOf = async (headers: Record<string, string>, token: AuthSettings['token'] = {}) => {
    const config = authConfig(directory.path, { token: { autoredirect: true, ...token } });
    const { challenge } = await get('/v2/', undefined, buildApp(await openAuth(config)), headers);
    return /realm="([^"]*)"/.exec(String(challenge))?.[1];
  };

  test('the realm is on the host that the client called', async () => {
    expect(await realmOf({ host: 'other.example.com:5050' })).toBe('https://other.example.com:5050/jwt/auth');
    expect(await realmOf({ host: '[::1]:5000', 'x-forwarded-proto': 'http' })).toBe('http://[::1]:5000/jwt/auth');
    expect(await realmOf({ host: 'a.example' }, { autoredirectpath: '/token' })).toBe('https://a.example/token');
  });

  test('a host that is none is not repeated', async () => {
    expect(await realmOf({ host: 'a",x="' })).toBe(REALM);
  });
});

describe('with a user file in place of tokens', () => {
  const htpasswdApp = async () => {
    const { tokenendpoint } = authConfig(directory.path);
    const htpasswd = { realm: 'Registry "A"', path: tokenendpoint?.htpasswd as string };
    return buildApp(
      await openAuth(configSchema.parse({ version: 0.1, storage: { inmemory: {} }, auth: { htpasswd } })),
    );
  };

  test('the name and password open everything', async () => {
    const app = await htpasswdApp();
    for (const url of ['/v2/', '/v2/_catalog', '/delete/group%2Fapp']) {
      expect(await get(url, basic('ci', PASSWORDS.ci), app)).toMatchObject({ status: 200, body: { subject: 'ci' } });
    }
  });

  test.each([undefined, basic('ci', 'wrong'), 'Bearer x'])('%s is asked to log in', async (header) => {
    expect(await get('/pull/a', header, await htpasswdApp())).toMatchObject({
      status: 401,
      challenge: 'Basic realm="Registry \\"A\\""',
    });
  });
});

test('without auth in the configuration everyone may do everything', async () => {
  const app = buildApp(await openAuth(configSchema.parse({ version: 0.1, storage: { inmemory: {} } })));
  expect(await get('/delete/group%2Fapp', undefined, app)).toMatchObject({ status: 200, body: { subject: '' } });
});
