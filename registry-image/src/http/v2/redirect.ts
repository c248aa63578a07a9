import type { FastifyRequest } from 'fastify';
import type { Config } from '../../config/schema.ts';
import { NetworkList } from '../network-list.ts';

/** Says of each request whether it may be answered with a signed URL of the store in place of the bytes. */
export type RedirectRule = (request: FastifyRequest) => boolean;

/** `storage.redirect`: everybody, but for the exceptions, or nobody. */
export function redirectRule({ disable, exceptions }: Config['storage']['redirect']): RedirectRule {
  const networks = new NetworkList(exceptions.networks);
  const userAgents = exceptions.useragents.map(userAgentPattern);
  if (disable) return () => false;
  return (request) => {
    if (exceptions.networks.length > 0 && networks.includes(request.ip)) return false;
    const userAgent = request.headers['user-agent'] ?? '';
    return !userAgents.some((matches) => matches(userAgent));
  };
}

/** A pattern in which `*` is any run of characters, in whatever case. No regular expression: clients choose what it is held against. */
function userAgentPattern(pattern: string): (userAgent: string) => boolean {
  const [start = '', ...rest] = pattern.toLowerCase().split('*');
  const end = rest.pop();
  if (end === undefined) return (userAgent) => userAgent.toLowerCase() === start;
  return (userAgent) => {
    const text = userAgent.toLowerCase();
    if (!text.startsWith(start)) return false;
    let from = start.length;
    for (const part of rest) {
      const found = text.indexOf(part, from);
      if (found === -1) return false;
      from = found + part.length;
    }
    return text.length - end.length >= from && text.endsWith(end);
  };
}
