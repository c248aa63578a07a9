import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RegistryError } from '../errors/registry-error.ts';
import type { GrantedAccess, RouteAccess } from './access.ts';
import { type Authenticator, type Caller, isRefusal, type Refusal } from './authenticator.ts';
import { formatScope, type ResourceScope } from './scope.ts';

const NOBODY: GrantedAccess = { subject: '', allows: () => false };

/** Actions that a client is told to ask for: who pushes pulls as well, to see what is there already. */
const CHALLENGED = { pull: ['pull'], push: ['pull', 'push'], delete: ['delete'] } as const;

/**
 * Lets a request reach its route only when it may do what the route declares in `config.access`. A route that declares nothing is
 * refused when it is registered, so register this before the routes.
 *
 * A token that lacks a scope is answered with 401 and the scope, not with 403: the client then asks for a token that has it.
 */
export function requireAccess(app: FastifyInstance, authenticator: Authenticator): void {
  app.decorateRequest('access');
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined) {
      throw new Error(
        `the route ${String(method)} ${url} declares no config.access; allowed are the values of RouteAccess`,
      );
    }
  });
  app.addHook('onRequest', async (request) => {
    const access = request.is404 ? 'public' : (request.routeOptions.config.access as RouteAccess);
    request.access = access === 'public' ? NOBODY : await admit(request, access, authenticator);
  });
}

async function admit(
  request: FastifyRequest,
  access: Exclude<RouteAccess, 'public'>,
  authenticator: Authenticator,
): Promise<GrantedAccess> {
  const caller: Caller = {
    authorization: request.headers.authorization,
    address: request.ip,
    host: request.host,
    // Of trusted proxies alone: http/forwarded-headers.ts.
    forwardedProto: header(request, 'x-forwarded-proto'),
  };
  const needed = neededScope(request, access);
  const scope = needed?.challenged.map(formatScope).join(' ');
  const identity = await authenticator.identify(caller);
  if (isRefusal(identity)) throw unauthorized(authenticator, caller, { ...identity, scope });
  if (needed !== undefined && !needed.allowedBy(identity)) {
    const detail = `the token does not have the scope ${scope}`;
    throw unauthorized(authenticator, caller, { reason: 'insufficient', detail, scope });
  }
  return identity;
}

interface NeededScope {
  readonly challenged: readonly ResourceScope[];
  allowedBy(access: GrantedAccess): boolean;
}

function neededScope(request: FastifyRequest, access: Exclude<RouteAccess, 'public'>): NeededScope | undefined {
  if (access === 'authenticated') return undefined;
  if (access === 'catalog') {
    return {
      challenged: [{ type: 'registry', name: 'catalog', actions: ['*'] }],
      allowedBy: (granted) => granted.allows('registry', 'catalog', '*'),
    };
  }
  const { name } = request.params as { name: string };
  return {
    challenged: [{ type: 'repository', name, actions: CHALLENGED[access] }, ...mountSource(request)],
    allowedBy: (granted) => granted.allows('repository', name, access),
  };
}

/**
 * The repository that a push wants to mount a blob from, to be pulled with the same token. A token without it is let through all
 * the same: the mount then becomes an ordinary upload.
 */
function mountSource(request: FastifyRequest): ResourceScope[] {
  const { mount, from } = request.query as Record<string, unknown>;
  const named = mount !== undefined && typeof from === 'string' && /^[a-z0-9._/-]+$/.test(from);
  return named ? [{ type: 'repository', name: from, actions: CHALLENGED.pull }] : [];
}

function unauthorized(authenticator: Authenticator, caller: Caller, refusal: Refusal): RegistryError {
  return new RegistryError('UNAUTHORIZED', {
    detail: refusal.detail,
    headers: { 'WWW-Authenticate': authenticator.challenge(caller, refusal) },
  });
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
