import type { FastifyInstance } from 'fastify';
import type { Catalog } from '../../registry/catalog.ts';
import { nextPageLink, pageOf } from './parameters.ts';

export interface CatalogRoutesOptions {
  readonly catalog: Catalog;
  /** Repositories of one answer; more follow by `Link`. */
  readonly maxEntries: number;
}

/** `/v2/_catalog`: https://distribution.github.io/distribution/spec/api/#listing-repositories */
export function catalogRoutes(app: FastifyInstance, { catalog, maxEntries }: CatalogRoutesOptions): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/v2/_catalog',
    config: { access: 'catalog' },
    handler: async (request, reply) => {
      const page = pageOf(request, maxEntries);
      const { names, more } = await catalog.list(page);
      const link = nextPageLink('/v2/_catalog', page, names, more);
      if (link !== undefined) reply.header('link', link);
      return { repositories: names };
    },
  });
}
