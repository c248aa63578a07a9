import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { openAuth, type TokenEndpoint } from '../../../registry-image/src/auth/open-auth.ts';
import { requireAccess } from '../../../registry-image/src/auth/require-access.ts';
import { handleErrors } from '../../../registry-image/src/errors/error-handler.ts';
import { tokenRoutes } from '../../../registry-image/src/http/token.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { type AuthSettings, authConfig, basic, ISSUER, PASSWORDS, SERVICE } from '../auth/auth-settings.ts';

const directory = temporaryDirectory('token-endpoint');
let app: FastifyInstance;

async function buildApp(settings: AuthSettings = {}): Promise<FastifyInstance> {
  const { authenticator, tokenEndpoint } = await openAuth(authConfig(directory.path, settings));
  const built = Fastify();
  handleErrors(built);
  requireAccess(built, authenticator);
  await built.register(tokenRoutes, tokenEndpoint as TokenEndpoint);
  return built;
}

beforeEach(async () => {
  app = await buildApp();
});
afterEach(() => app.close());
afterAll(() => directory.remove());

function get(query: string, authorization?: string) {
  return app.inject({ url: `/jwt/auth?${query}`, headers: authorization === undefined ? {} : { authorization } });
}

function post(form: Record<string, string>, type = 'application/x-www-form-urlencoded') {
  const payload = new URLSearchParams(form).toString();
  return app.inject({ method: 'POST', url: '/jwt/auth', headers: { 'content-type': type }, payload });
}

/** Checks the token as a registry with nothing but the published keys does. */
async function claimsOf(token: string) {
  const keys = (await app.inject('/.well-known/jwks.json')).json<JSONWebKeySet>();
  return (await jwtVerify(token, createLocalJWKSet(keys), { issuer: ISSUER, audience: SERVICE })).payload;
}

const root = basic('root', PASSWORDS.root);
const ci = basic('ci', PASSWORDS.ci);

describe('GET /jwt/auth', () => {
  test('logs a user in without a scope, as every client does first', async () => {
    const response = await get(`service=${SERVICE}&account=ci&client_id=docker&offline_token=true`, ci);
    expect(response.statusCode).toBe(200);
    expect(response.headers['cache-control']).toBe('no-store');
    const body = response.json();
    expect(body).toEqual({
      token: expect.any(String),
      access_token: body.token,
      token_type: 'Bearer',
      expires_in: 300,
      issued_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    const claims = await claimsOf(body.token);
    expect(claims).toEqual({
      iss: ISSUER,
      aud: SERVICE,
      sub: 'ci',
      iat: expect.any(Number),
      nbf: claims.iat,
      exp: (claims.iat as number) + 300,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      access: [],
    });
  });

  test.each([
    ['repeated', 'scope=repository:group/a:pull,push&scope=repository:group/b:pull'],
    ['joined by spaces', 'scope=repository:group/a:pull,push%20repository:group/b:pull'],
    ['joined by plus signs', 'scope=repository:group/a:push,pull,push+repository:group/b:pull'],
  ])('takes scopes %s', async (_how, query) => {
    const { token } = (await get(`service=${SERVICE}&${query}`, ci)).json();
    expect((await claimsOf(token))['access']).toEqual([
      { type: 'repository', name: 'group/a', actions: expect.arrayContaining(['pull', 'push']) },
      { type: 'repository', name: 'group/b', actions: ['pull'] },
    ]);
  });

  test('grants what is allowed of what was asked, and never fails for too much', async () => {
    const scopes = ['repository:group/a:pull,push,delete', 'repository:other:*', 'registry:catalog:*', 'nonsense'];
    const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join('&');
    const { token } = (await get(`service=${SERVICE}&${query}`, ci)).json();
    expect((await claimsOf(token))['access']).toEqual([
      { type: 'repository', name: 'group/a', actions: ['pull', 'push'] },
    ]);
  });

  test('gives who has not logged in what is open to all', async () => {
    const { token } = (
      await get(`service=${SERVICE}&scope=repository:public/a:pull,push&scope=repository:b:pull`)
    ).json();
    expect(await claimsOf(token)).toMatchObject({
      sub: '',
      access: [{ type: 'repository', name: 'public/a', actions: ['pull'] }],
    });
  });

  test.each([basic('ci', 'wrong'), basic('nobody', 'x'), 'Basic', 'Bearer x'])(
    '%s is answered 401 with a challenge',
    async (header) => {
      const response = await get(`service=${SERVICE}`, header);
      expect(response.statusCode).toBe(401);
      expect(response.headers['www-authenticate']).toBe(`Basic realm="${SERVICE}"`);
      expect(response.json()).toEqual({
        errors: [
          { code: 'UNAUTHORIZED', message: expect.any(String), detail: 'the user name or the password is wrong' },
        ],
      });
    },
  );

  test.each([
    ['', 'the parameter service is missing; tokens are issued for service=container_registry'],
    ['service=other', 'tokens for the service "other" are not issued here'],
  ])('with %j is answered 400 and says which service is right', async (query, detail) => {
    const response = await get(query, root);
    expect([response.statusCode, response.json().errors[0].detail]).toEqual([400, expect.stringContaining(detail)]);
  });

  test('is answered 429 with Retry-After after too many wrong passwords', async () => {
    for (let count = 0; count < 10; count += 1) await get(`service=${SERVICE}`, basic('ci', `wrong ${count}`));
    const response = await get(`service=${SERVICE}`, ci);
    expect([response.statusCode, response.json().errors[0].code]).toEqual([429, 'TOOMANYREQUESTS']);
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    expect((await get(`service=${SERVICE}`, root)).statusCode).toBe(200);
  });
});

describe('POST /jwt/auth', () => {
  const login = {
    grant_type: 'password',
    username: 'ci',
    password: PASSWORDS.ci,
    service: SERVICE,
    client_id: 'containerd',
  };

  test('takes the password grant of containerd, and says what it granted', async () => {
    const response = await post({
      ...login,
      scope: 'repository:group/a:pull,push repository:other:pull',
      access_type: 'offline',
    });
    expect(response.statusCode).toBe(200);
    const body = response.json();
    expect(body).toMatchObject({ access_token: body.token, expires_in: 300, scope: 'repository:group/a:pull,push' });
    expect(body).not.toHaveProperty('refresh_token');
    expect(await claimsOf(body.token)).toMatchObject({ sub: 'ci' });
  });

  test.each([
    [
      'a refresh token',
      { grant_type: 'refresh_token', refresh_token: 'x', service: SERVICE },
      'unsupported_grant_type',
    ],
    ['no grant type', { service: SERVICE }, 'unsupported_grant_type'],
    ['no password', { grant_type: 'password', username: 'ci', service: SERVICE }, 'invalid_request'],
    ['another service', { ...login, service: 'other' }, 'invalid_request'],
  ])('with %s is answered 400 in the form of OAuth', async (_what, form, error) => {
    const response = await post(form as Record<string, string>);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({
      error,
      error_description: expect.any(String),
      errors: [{ code: 'BAD_REQUEST' }],
    });
  });

  test('with a wrong password is answered 401', async () => {
    const response = await post({ ...login, password: 'wrong' });
    expect([response.statusCode, response.headers['www-authenticate']]).toEqual([401, `Basic realm="${SERVICE}"`]);
    expect(response.json()).toMatchObject({ error: 'invalid_grant', errors: [{ code: 'UNAUTHORIZED' }] });
  });

  test('without a form is answered with what to send', async () => {
    const response = await post(login, 'application/json');
    expect([response.statusCode, response.json().error]).toEqual([expect.any(Number), 'invalid_request']);
    expect(response.statusCode).toBeLessThan(500);
  });
});

describe('a token', () => {
  test.each([
    ['ES256', 'rfc7638', /^[\w-]{43}$/],
    ['RS256', 'libtrust', /^([A-Z2-7]{4}:){11}[A-Z2-7]{4}$/],
  ] as const)('signed with %s names its key by its %s id and brings its certificate', async (algorithm, keyid, kid) => {
    await app.close();
    app = await buildApp({
      endpoint: {
        signingalgorithm: algorithm,
        keyid,
        privatekey: `${directory.path}/${algorithm}.key`,
        expiration: '1h',
      },
    });
    const { token, expires_in } = (await get(`service=${SERVICE}`, ci)).json();
    expect(expires_in).toBe(3600);
    expect(decodeProtectedHeader(token)).toEqual({
      typ: 'JWT',
      alg: algorithm,
      kid: expect.stringMatching(kid),
      x5c: [expect.any(String)],
    });
    await claimsOf(token);
  });
});
