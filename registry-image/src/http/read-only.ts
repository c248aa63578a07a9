import type { FastifyInstance } from 'fastify';
import { RegistryError } from '../errors/registry-error.ts';

const RETRY_AFTER_SECONDS = 300;

/** Refuses every change while pulls go on: `storage.maintenance.readonly` of distribution, with its status. */
export function refuseChanges(app: FastifyInstance): void {
  app.addHook('preHandler', async (request) => {
    const access = request.routeOptions.config.access;
    if (access !== 'push' && access !== 'delete') return;
    throw new RegistryError('UNSUPPORTED', {
      detail: 'the registry is read-only for maintenance (storage.maintenance.readonly); pulls go on, try again later',
      headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
    });
  });
}
