import type { FastifyInstance } from 'fastify';
import type { HealthCheck } from '../registry/health-check.ts';

/** `/livez`: the process answers. `/readyz`: storage and index answer too, and it is not shutting down. */
export function healthRoutes(app: FastifyInstance, { health }: { readonly health: HealthCheck }): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/livez',
    logLevel: 'warn',
    config: { access: 'public' },
    handler: async () => ({ status: 'ok' }),
  });

  app.route({
    method: ['GET', 'HEAD'],
    url: '/readyz',
    logLevel: 'warn',
    config: { access: 'public' },
    handler: async (_request, reply) => {
      const { ready, checks } = await health.report();
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'not ready', checks });
    },
  });
}
