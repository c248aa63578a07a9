import type { FastifyInstance } from 'fastify';

/** `GET /v2/`: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#determining-support */
export function baseRoutes(app: FastifyInstance): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/v2',
    config: { access: 'authenticated' },
    handler: async () => ({}),
  });
}
