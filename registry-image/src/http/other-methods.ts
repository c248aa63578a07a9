import type { FastifyInstance, HTTPMethods, RouteOptions } from 'fastify';
import { RegistryError } from '../errors/registry-error.ts';

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Registers routes, then answers the methods that their paths do not have with 405 and `Allow`
 * (https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6), where a router alone would say 404.
 */
export function withOtherMethodsRefused(app: FastifyInstance, register: (app: FastifyInstance) => void): void {
  const allowed = new Map<string, Set<HTTPMethods>>();
  const collect = ({ method, url }: RouteOptions) => {
    const methods = allowed.get(url) ?? new Set();
    for (const one of Array.isArray(method) ? method : [method]) methods.add(one);
    allowed.set(url, methods);
  };
  app.addHook('onRoute', collect);
  register(app);
  for (const [url, methods] of [...allowed]) {
    const allow = [...methods].join(', ');
    app.route({
      method: METHODS.filter((method) => !methods.has(method)),
      url,
      config: { access: 'public' },
      handler: async (request) => {
        throw new RegistryError('UNSUPPORTED', {
          detail: `${request.method} is not answered here; allowed are ${allow}`,
          headers: { allow },
        });
      },
    });
  }
}
