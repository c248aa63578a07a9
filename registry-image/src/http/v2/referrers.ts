import type { FastifyInstance } from 'fastify';
import { requireDigest } from '../../registry/reference.ts';
import type { Referrers } from '../../registry/referrers.ts';
import { queryValue, repositoryOf } from './parameters.ts';

/** `/v2/<name>/referrers/<digest>`: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers */
export function referrerRoutes(app: FastifyInstance, { referrers }: { readonly referrers: Referrers }): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/v2/:name/referrers/:digest',
    config: { access: 'pull' },
    handler: async (request, reply) => {
      const subject = requireDigest((request.params as { digest: string }).digest);
      const artifactType = queryValue(request, 'artifactType') || undefined;
      const index = await referrers.list(repositoryOf(request), subject, artifactType);
      if (artifactType !== undefined) reply.header('oci-filters-applied', 'artifactType');
      // As bytes: fastify would add a charset to the type of a string, which the specification gives without.
      return reply.type(index.mediaType).send(Buffer.from(JSON.stringify(index)));
    },
  });
}
