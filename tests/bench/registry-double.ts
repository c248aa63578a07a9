import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export const TOKEN = 'a-token';
export const BLOB = Buffer.alloc(300_000, 'x');
export const PAGES = [['a', 'b'], ['c']];

/** Just so much of a registry that a load tool can be right or wrong about it. */
export interface RegistryDouble {
  readonly url: string;
  /** Digests of what was pushed, and came in whole. */
  readonly pushed: readonly string[];
  stop(): Promise<void>;
}

export async function startRegistryDouble(): Promise<RegistryDouble> {
  const uploads = new Map<string, Buffer>();
  const pushed: string[] = [];
  let begun = 0;

  async function answer(
    request: IncomingMessage,
  ): Promise<[status: number, headers?: Record<string, string>, body?: Buffer]> {
    const { method, url = '' } = request;
    const { pathname, searchParams } = new URL(url, 'http://double');
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return [401];
    if (method === 'POST' && pathname.endsWith('/blobs/uploads/'))
      return [202, { location: `/uploads/${begun++}?state=1` }];
    if (method === 'PATCH') {
      uploads.set(pathname, Buffer.concat((await request.toArray()) as Buffer[]));
      return [202, { location: `http://${request.headers.host}${pathname}?state=2` }];
    }
    if (method === 'PUT') {
      const digest = searchParams.get('digest') as string;
      const bytes = uploads.get(pathname) ?? Buffer.alloc(0);
      if (digest !== `sha256:${createHash('sha256').update(bytes).digest('hex')}`) return [400];
      if (searchParams.get('state') !== '2') return [404];
      pushed.push(digest);
      return [201];
    }
    if (pathname === '/v2/_catalog') {
      const page = searchParams.get('last') === null ? 0 : 1;
      const next = page === 0 ? { link: `</v2/_catalog?last=b&n=2>; rel="next"` } : {};
      return [200, next as Record<string, string>, Buffer.from(JSON.stringify({ repositories: PAGES[page] }))];
    }
    return pathname === '/blob' ? [200, {}, BLOB] : [404];
  }

  const server = createServer(async (request, response) => {
    const [status, headers = {}, body = Buffer.alloc(0)] = await answer(request);
    response.writeHead(status, { ...headers, 'content-length': String(body.length) });
    response.end(request.method === 'HEAD' ? undefined : body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pushed,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
