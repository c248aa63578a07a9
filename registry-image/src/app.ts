import Fastify, { type FastifyInstance } from 'fastify';
import type { Authentication } from './auth/open-auth.ts';
import { requireAccess } from './auth/require-access.ts';
import type { Config } from './config/schema.ts';
import { handleErrors } from './errors/error-handler.ts';
import { believeProxiesAlone, trustProxies } from './http/forwarded-headers.ts';
import { healthRoutes } from './http/health.ts';
import { NetworkList } from './http/network-list.ts';
import { withOtherMethodsRefused } from './http/other-methods.ts';
import { refuseChanges } from './http/read-only.ts';
import { encodeRepositoryName } from './http/repository-path.ts';
import { tokenRoutes } from './http/token.ts';
import { baseRoutes } from './http/v2/base.ts';
import { blobRoutes } from './http/v2/blobs.ts';
import { catalogRoutes } from './http/v2/catalog.ts';
import { locationsOf } from './http/v2/location.ts';
import { manifestRoutes } from './http/v2/manifests.ts';
import { referrerRoutes } from './http/v2/referrers.ts';
import { tagRoutes } from './http/v2/tags.ts';
import { uploadRoutes } from './http/v2/uploads.ts';
import { loggerOptions, requestIdOptions } from './log.ts';
import type { Registry } from './registry/registry.ts';
import type { ServerTlsOptions } from './tls/server-tls.ts';

export interface AppOptions {
  readonly config: Config;
  readonly registry: Registry;
  readonly authentication: Authentication;
  /** Left out: plain HTTP. */
  readonly tls?: ServerTlsOptions;
}

/** Longest path parameter: a repository name of 255 characters, each encoded in three. */
const MAX_PARAM_LENGTH = 1024;

/** The server, its rooms in reading order. It does not listen yet. */
export async function buildApp({ config, registry, authentication, tls }: AppOptions): Promise<FastifyInstance> {
  const proxies = new NetworkList(config.http.trustedproxies);
  const app = Fastify({
    ...loggerOptions(config.log),
    ...requestIdOptions(),
    ...trustProxies(proxies),
    ...(tls === undefined ? {} : { https: tls }),
    exposeHeadRoutes: false,
    // A layer may take hours; a body that stalls is given up by its reader (http/v2/request-body.ts).
    requestTimeout: 0,
    forceCloseConnections: 'idle',
    rewriteUrl: (request) => encodeRepositoryName(request.url ?? '/'),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, ignoreTrailingSlash: true },
  }) as unknown as FastifyInstance;

  handleErrors(app);
  believeProxiesAlone(app, proxies);
  addHeaders(app, config.http.headers);
  streamBodies(app);
  requireAccess(app, authentication.authenticator);
  if (config.storage.maintenance.readonly.enabled) refuseChanges(app);

  healthRoutes(app, registry);
  if (authentication.tokenEndpoint !== undefined) await app.register(tokenRoutes, authentication.tokenEndpoint);
  await app.register((v2, _options, done) => {
    const locations = locationsOf(config.http);
    v2.addHook('onRequest', (_request, reply, next) => {
      reply.header('docker-distribution-api-version', 'registry/2.0');
      next();
    });
    withOtherMethodsRefused(v2, () => {
      baseRoutes(v2);
      blobRoutes(v2, { ...registry, redirect: config.storage.redirect, accelredirect: config.http.accelredirect });
      uploadRoutes(v2, { ...registry, locations });
      manifestRoutes(v2, { ...registry, locations });
      tagRoutes(v2, registry);
      referrerRoutes(v2, registry);
      catalogRoutes(v2, { ...registry, maxEntries: config.catalog.maxentries });
    });
    done();
  });
  return app;
}

/** `http.headers` of the configuration: put on every answer. */
function addHeaders(app: FastifyInstance, headers: Config['http']['headers']): void {
  const fixed = Object.entries(headers).map(([name, values]) => [name.toLowerCase(), values] as const);
  app.addHook('onRequest', (_request, reply, next) => {
    for (const [name, values] of fixed) reply.header(name, values);
    next();
  });
}

/** Bodies are read by the handlers as they come, whatever their type says. */
function streamBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}
