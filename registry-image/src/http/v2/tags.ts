import type { FastifyInstance } from 'fastify';
import type { Tags } from '../../registry/tags.ts';
import { nextPageLink, pageOf, repositoryOf } from './parameters.ts';

/** Tags of one answer, with `n` or without; more follow by `Link`. */
const MAX_PAGE = 10_000;

/** `/v2/<name>/tags/list`: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags */
export function tagRoutes(app: FastifyInstance, { tags }: { readonly tags: Tags }): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/v2/:name/tags/list',
    config: { access: 'pull' },
    handler: async (request, reply) => {
      const name = repositoryOf(request);
      const page = pageOf(request, MAX_PAGE);
      const { names, more } = await tags.list(name, page);
      const link = nextPageLink(`/v2/${name}/tags/list`, page, names, more);
      if (link !== undefined) reply.header('link', link);
      return { name, tags: names };
    },
  });
}
