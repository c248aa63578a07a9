import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { formatChallenge, parseBasicCredentials } from '../auth/challenge.ts';
import type { TokenEndpoint } from '../auth/open-auth.ts';
import { formatScope, parseScopes } from '../auth/scope.ts';
import { publicJwks } from '../auth/signing-key.ts';
import type { IssuedToken, TokenService } from '../auth/token-service.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { OAuthError, sendOAuthError } from './oauth-error.ts';

/** Parameters of a query or a form; one that repeats is a list. */
type Parameters = Readonly<Record<string, string | string[] | undefined>>;

/** A form of a few scopes has some hundred bytes. */
const MAX_FORM_SIZE = 64 * 1024;

/**
 * The token endpoint: https://distribution.github.io/distribution/spec/auth/token/ for GET and
 * https://distribution.github.io/distribution/spec/auth/oauth/ for POST, and the public keys of its tokens.
 *
 * Refresh tokens are not issued: `offline_token` is answered without one, and clients go on with their password.
 */
export function tokenRoutes(app: FastifyInstance, { service, users }: TokenEndpoint, done: () => void): void {
  void app.register(formbody, { bodyLimit: MAX_FORM_SIZE });
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
  });

  app.get('/jwt/auth', { config: { access: 'public' } }, async (request, reply) => {
    const query = request.query as Parameters;
    requireService(query, service);
    const { authorization } = request.headers;
    const credentials = authorization === undefined ? undefined : parseBasicCredentials(authorization);
    if (authorization !== undefined && (credentials === undefined || !(await users.login(credentials, request.ip)))) {
      throw wrongCredentials(request, service, credentials?.username);
    }
    const scopes = parseScopes(listOf(query['scope']));
    return answer(reply, await service.issue({ subject: credentials?.username ?? '', scopes }));
  });

  app.post('/jwt/auth', { config: { access: 'public' }, errorHandler: sendOAuthError }, async (request, reply) => {
    const form = parseForm(request);
    requireService(form, service);
    const grantType = textOf(form, 'grant_type');
    if (grantType !== 'password') throw unsupportedGrantType(grantType);
    const username = textOf(form, 'username');
    const password = textOf(form, 'password');
    if (username === undefined || password === undefined) {
      throw new OAuthError('invalid_request', 'grant_type=password needs username and password');
    }
    if (!(await users.login({ username, password }, request.ip))) throw wrongCredentials(request, service, username);
    const issued = await service.issue({ subject: username, scopes: parseScopes(listOf(form['scope'])) });
    return answer(reply, issued, { scope: issued.granted.map(formatScope).join(' ') });
  });

  app.get('/.well-known/jwks.json', { config: { access: 'public' } }, async (_request, reply) =>
    reply.header('Cache-Control', 'public, max-age=300').send(publicJwks(service.key)),
  );
  done();
}

function answer(reply: FastifyReply, issued: IssuedToken, more: { scope?: string } = {}) {
  return reply.send({
    token: issued.token,
    access_token: issued.token,
    token_type: 'Bearer',
    expires_in: issued.expiresInSeconds,
    issued_at: issued.issuedAt.toISOString(),
    ...more,
  });
}

function requireService(parameters: Parameters, { service }: TokenService): void {
  const asked = textOf(parameters, 'service');
  if (asked === service) return;
  throw new RegistryError('BAD_REQUEST', {
    detail:
      asked === undefined
        ? `the parameter service is missing; tokens are issued for service=${service}`
        : `tokens for the service "${asked}" are not issued here; allowed is service=${service}. The registry's auth.token.service must be the same`,
  });
}

function parseForm({ body }: FastifyRequest): Parameters {
  if (body !== null && typeof body === 'object') return body as Parameters;
  throw new OAuthError('invalid_request', 'send a form: Content-Type: application/x-www-form-urlencoded');
}

function unsupportedGrantType(grantType: string | undefined): OAuthError {
  const asked = grantType === undefined ? 'grant_type is missing' : `grant_type=${grantType} is not served`;
  return new OAuthError('unsupported_grant_type', `${asked}; allowed is grant_type=password`);
}

/** The log line is what an operator's tools against guessing look for. */
function wrongCredentials(request: FastifyRequest, { service }: TokenService, account?: string): RegistryError {
  request.log.warn({ account, address: request.ip }, 'login refused');
  return new RegistryError('UNAUTHORIZED', {
    detail: 'the user name or the password is wrong',
    headers: { 'WWW-Authenticate': formatChallenge('Basic', { realm: service }) },
  });
}

function listOf(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : [value].flat();
}

function textOf(parameters: Parameters, name: string): string | undefined {
  return listOf(parameters[name])[0];
}
