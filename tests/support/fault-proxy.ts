import { once } from 'node:events';
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** An answer that the proxy gives in place of the target, which never hears of the request. */
export interface AnswerInstead {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * What happens to a request.
 *
 * - `status-500`, `status-503`: answered so, with a page of HTML as load balancers send it.
 * - `reset`: the connection is reset before the target hears of the request.
 * - `reset-request`: the connection is reset in the middle of the request's body.
 * - `lose-answer`: the target does what it is asked for, and the connection is reset in place of the answer.
 * - `reset-answer`: the connection is reset in the middle of the answer.
 * - `truncate`: the connection is closed in the middle of the answer.
 * - `stall`: nothing is answered, for ever.
 * - `stall-answer`: the answer stops in its middle, for ever.
 */
export type Fault =
  | 'status-500'
  | 'status-503'
  | 'reset'
  | 'reset-request'
  | 'lose-answer'
  | 'reset-answer'
  | 'truncate'
  | 'stall'
  | 'stall-answer'
  | AnswerInstead;

export interface Injection {
  /** @default - every method */
  readonly method?: string;
  /** Held against path and query. @default - every path */
  readonly path?: RegExp;
  /** The first request that it happens to, counting from 1 those that match. @default 1 */
  readonly nth?: number;
  /** To how many requests that match it happens in a row. @default 1 */
  readonly times?: number;
  readonly fault: Fault;
}

export interface ProxiedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Counts the connections: requests over the same one have the same number. */
  readonly connection: number;
  /** Left out where none has happened to it. */
  readonly fault: Fault | undefined;
}

/** An HTTP proxy in front of a stand-in, on which faults happen to chosen requests. It keeps the Host header, so that signatures hold. */
export interface FaultProxy {
  /** Such as http://127.0.0.1:41234. */
  readonly url: string;
  /** Every request since the start or the last `clear`, also those that a fault has happened to. */
  readonly requests: readonly ProxiedRequest[];
  inject(injection: Injection): void;
  /** Ends all faults that are injected, and forgets the requests. */
  clear(): void;
  stop(): Promise<void>;
}

interface ActiveInjection extends Injection {
  seen: number;
}

const PAGE = '<html><body><h1>This page is an injected fault</h1></body></html>';

const STATUS_FAULTS: Readonly<Record<'status-500' | 'status-503', AnswerInstead>> = {
  'status-500': { status: 500, headers: { 'content-type': 'text/html' }, body: PAGE },
  'status-503': { status: 503, headers: { 'content-type': 'text/html' }, body: PAGE },
};

export interface FaultProxyOptions {
  /** Stands in for a name that leads to the target: it is told this host in place of the one that was asked for. */
  readonly host?: string;
}

/** @param target URL of the stand-in, such as http://127.0.0.1:41234 */
export async function startFaultProxy(target: string, { host }: FaultProxyOptions = {}): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  const requests: ProxiedRequest[] = [];
  let injections: ActiveInjection[] = [];

  /** The first injection in effect wins; all that match count the request. */
  const faultFor = (method: string, path: string): Fault | undefined => {
    const due = injections.filter((injection) => {
      if (injection.method !== undefined && injection.method !== method) return false;
      if (injection.path !== undefined && !injection.path.test(path)) return false;
      injection.seen += 1;
      const { nth = 1, times = 1, seen } = injection;
      return seen >= nth && seen < nth + times;
    });
    return due[0]?.fault;
  };

  const connections = new WeakMap<Socket, number>();
  let connectionCount = 0;
  const connectionOf = (socket: Socket) => {
    const connection = connections.get(socket) ?? ++connectionCount;
    connections.set(socket, connection);
    return connection;
  };

  const server = createServer((request, response) => {
    const { method = 'GET', url = '/', headers } = request;
    const fault = faultFor(method, url);
    requests.push({ method, path: url, headers, connection: connectionOf(request.socket), fault });
    const failed = () => request.socket.destroy();
    // The other side may give up in the middle, as clients do that meet a fault.
    request.on('error', failed);
    response.on('error', failed);
    handle(request, response, fault).catch(failed);
  });

  const handle = async (request: IncomingMessage, response: ServerResponse, fault: Fault | undefined) => {
    switch (fault) {
      case undefined: {
        const answer = await forward(request);
        // Stand-ins close connections that a store would keep.
        response.writeHead(answer.statusCode as number, withHeader(answer.rawHeaders, 'connection', 'keep-alive'));
        answer.on('error', () => request.socket.destroy());
        answer.pipe(response);
        return;
      }
      case 'reset':
        request.socket.resetAndDestroy();
        return;
      case 'reset-request':
        await readHalf(request);
        request.socket.resetAndDestroy();
        return;
      case 'lose-answer':
        await buffer(await forward(request));
        request.socket.resetAndDestroy();
        return;
      case 'reset-answer':
        await answerHalf(request, response);
        request.socket.resetAndDestroy();
        return;
      case 'truncate':
        await answerHalf(request, response);
        request.socket.destroySoon();
        return;
      case 'stall':
        return;
      case 'stall-answer':
        await answerHalf(request, response);
        return;
      default: {
        const { status, headers = {}, body = '' } = typeof fault === 'string' ? STATUS_FAULTS[fault] : fault;
        await buffer(request);
        response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) });
        response.end(request.method === 'HEAD' ? undefined : body);
      }
    }
  };

  const forward = async (request: IncomingMessage): Promise<IncomingMessage> => {
    const { hostname, port } = new URL(target);
    const { method, url: path, rawHeaders } = request;
    const headers = host === undefined ? rawHeaders : withHeader(rawHeaders, 'host', host);
    const forwarded = httpRequest({ hostname, port, method, path, headers, agent });
    request.pipe(forwarded);
    request.on('close', () => {
      if (!request.complete) forwarded.destroy();
    });
    const [answer] = (await once(forwarded, 'response')) as [IncomingMessage];
    return answer;
  };

  /** An answer without a body ends in the middle of its status line. */
  const answerHalf = async (request: IncomingMessage, response: ServerResponse) => {
    const answer = await forward(request);
    const body = await buffer(answer);
    if (body.byteLength === 0) {
      request.socket.write('HTTP/1.1 20');
      return;
    }
    const { 'transfer-encoding': _chunked, connection: _connection, ...headers } = answer.headers;
    response.writeHead(answer.statusCode as number, { ...headers, 'content-length': String(body.byteLength) });
    await new Promise((sent) => response.write(body.subarray(0, Math.floor(body.byteLength / 2)), sent));
  };

  // Longer than any test, so that nothing but a fault ends a connection.
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    inject: (injection) => {
      injections.push({ ...injection, seen: 0 });
    },
    clear: () => {
      injections = [];
      requests.length = 0;
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

/** Headers of which one has another value. @param rawHeaders names and values in turn */
function withHeader(rawHeaders: readonly string[], name: string, value: string): string[] {
  return rawHeaders.map((each, index) => {
    const isValue = index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name;
    return isValue ? value : each;
  });
}

async function readHalf(request: IncomingMessage): Promise<void> {
  const half = Number(request.headers['content-length'] ?? 0) / 2;
  let read = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    read += chunk.byteLength;
    if (read >= half) return;
  }
}
