import { isIP } from 'node:net';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import type { NetworkList } from './network-list.ts';

/** What a proxy says about the client and about itself; anybody else would be saying it to get somewhere. */
const WRITTEN_BY_PROXIES = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-sendfile-type'] as const;

/** An entry of X-Forwarded-For: an address, of some proxies with the client's port. */
const ENTRY = /^(?:\[([0-9a-f:.]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}|([0-9a-f:.]+))$/i;

/** Fastify's option behind `request.ip` and `request.host`: which addresses may name the next one. */
export function trustProxies(proxies: NetworkList): Pick<FastifyServerOptions, 'trustProxy'> {
  return { trustProxy: (address) => proxies.includes(address) };
}

/**
 * Takes away the headers above from requests that do not come from a trusted proxy, so that whoever reads one may believe it.
 * Register it before everything that does.
 *
 * X-Forwarded-Port is not read: load balancers send it whether or not the client called that port
 * (https://github.com/distribution/distribution/pull/2219); a port belongs into the host.
 */
export function believeProxiesAlone(app: FastifyInstance, proxies: NetworkList): void {
  app.addHook('onRequest', ({ raw: { headers, socket } }, _reply, done) => {
    if (WRITTEN_BY_PROXIES.some((name) => headers[name] !== undefined)) {
      if (proxies.includes(socket.remoteAddress)) {
        headers['x-forwarded-for'] = addressesOf(String(headers['x-forwarded-for'] ?? ''));
      } else {
        for (const name of WRITTEN_BY_PROXIES) delete headers[name];
      }
    }
    done();
  });
}

/** The addresses of X-Forwarded-For as far as they are such, counted from the nearest proxy, which stands last. */
function addressesOf(header: string): string {
  const addresses = header.split(',').map((entry) => {
    const [, bracketed, withPort, alone] = ENTRY.exec(entry.trim()) ?? [];
    const address = bracketed ?? withPort ?? alone ?? '';
    return isIP(address) === 0 ? undefined : address;
  });
  return addresses.slice(addresses.lastIndexOf(undefined) + 1).join(', ');
}
