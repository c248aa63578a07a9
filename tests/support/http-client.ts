import { once } from 'node:events';
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';

/** Bytes with a Content-Length, or a stream without one, which travels in chunks. A function, so that it can be sent again. */
export type RequestBody = Uint8Array | string | (() => AsyncIterable<Uint8Array>);

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
}

/** `kept`: as many as are needed, used again. `fresh`: one for each request. `one`: all requests wait for the same. */
export type Connections = 'kept' | 'fresh' | 'one';

export class HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;

  constructor(status: number, headers: IncomingHttpHeaders, body: Buffer) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  /** A header that must be there. @throws Error naming the missing header and the answer */
  header(name: string): string {
    const value = this.headers[name.toLowerCase()];
    if (typeof value !== 'string') throw new Error(`the answer ${this.status} has no ${name} header: ${this.text}`);
    return value;
  }

  get text(): string {
    return this.body.toString();
  }

  json<T>(): T {
    return JSON.parse(this.text) as T;
  }
}

/** A plain HTTP client for one server: it changes nothing, follows nothing and hides nothing. */
export class HttpClient {
  readonly url: string;
  readonly #agent: http.Agent;
  readonly #send: typeof http.request;

  /** @param ca PEM of the authority that an https server's certificate is from */
  constructor(url: string, ca?: string, connections: Connections = 'kept') {
    this.url = url;
    const secure = url.startsWith('https:');
    const options = { keepAlive: connections !== 'fresh', ...(connections === 'one' && { maxSockets: 1 }) };
    this.#agent = secure
      ? new https.Agent({ ...options, ...(ca === undefined ? {} : { ca }) })
      : new http.Agent(options);
    this.#send = secure ? https.request : http.request;
  }

  /** Sends a request; `target` is a path, or a URL of the same server. */
  async request(method: string, target: string, options: RequestOptions = {}): Promise<HttpResponse> {
    const request = this.open(method, target, options.headers);
    // A server that has answered may close while the rest of the body is on its way: the answer is what counts.
    request.on('error', () => {});
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    const { body } = options;
    if (typeof body === 'function') {
      await Promise.race([writeAll(request, body()), answered]);
    } else {
      request.end(body);
    }
    const [response] = await answered;
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return new HttpResponse(response.statusCode as number, response.headers, Buffer.concat(chunks));
  }

  /** A request whose body the caller writes, and may break off. */
  open(method: string, target: string, headers: Readonly<Record<string, string>> = {}): http.ClientRequest {
    return this.#send(new URL(target, this.url), { method, headers, agent: this.#agent });
  }

  /** The port that the connection in use comes from, which tells it from all others. */
  get localPort(): number | undefined {
    const [socket] = [...Object.values(this.#agent.freeSockets), ...Object.values(this.#agent.sockets)].flat();
    return socket?.localPort;
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function writeAll(request: http.ClientRequest, source: AsyncIterable<Uint8Array>): Promise<void> {
  request.flushHeaders();
  for await (const chunk of source) {
    if (!request.write(chunk) && !request.destroyed) await once(request, 'drain');
  }
  request.end();
}
