import {
  type Connections,
  HttpClient,
  type HttpResponse,
  type RequestBody,
  type RequestOptions,
} from './http-client.ts';
import type { Content, Image } from './oci-image.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface RegistryClientOptions {
  readonly url: string;
  /** PEM of the authority that the registry's certificate is from. */
  readonly ca?: string;
  /** Who asks the token endpoint; left out: nobody, and no token is asked for. */
  readonly credentials?: Credentials;
  /** @default 'kept' */
  readonly connections?: Connections;
}

/** What a registry says it wants in WWW-Authenticate. */
export interface BearerChallenge {
  readonly realm: string;
  readonly service: string;
  readonly scope?: string;
  readonly error?: string;
}

/** https://distribution.github.io/distribution/spec/auth/token/#how-to-authenticate */
export function parseBearerChallenge(header: string): BearerChallenge {
  const [, rest] = /^Bearer (.+)$/.exec(header) ?? [];
  if (rest === undefined) throw new Error(`not a Bearer challenge: ${header}`);
  const parameters = [...rest.matchAll(/([a-z_]+)="([^"]*)"(?:,|$)/g)].map(([, name, value]) => [name, value]);
  return Object.fromEntries(parameters) as BearerChallenge;
}

export function basicAuthorization({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/**
 * A container client as the tests need it: it gets tokens as the registry asks for them, and hands out every answer as it came.
 */
export class RegistryClient {
  readonly http: HttpClient;
  readonly #credentials: Credentials | undefined;
  /** By repository and kind of access. */
  readonly #tokens = new Map<string, string>();

  constructor(options: RegistryClientOptions) {
    this.http = new HttpClient(options.url, options.ca, options.connections);
    this.#credentials = options.credentials;
  }

  /** Sends a request, with a token where the registry asks for one. */
  async request(method: string, target: string, options: RequestOptions = {}): Promise<HttpResponse> {
    const key = tokenKey(method, target);
    const first = await this.http.request(method, target, this.#authorized(options, this.#tokens.get(key)));
    if (first.status !== 401 || this.#credentials === undefined) return first;
    const token = await this.fetchToken(parseBearerChallenge(first.header('WWW-Authenticate')));
    this.#tokens.set(key, token);
    return await this.http.request(method, target, this.#authorized(options, token));
  }

  /** Headers that a request of this kind needs, for requests that the test writes by hand. */
  async authorization(method: string, target: string): Promise<Record<string, string>> {
    if (this.#credentials === undefined) return {};
    const key = tokenKey(method, target);
    if (!this.#tokens.has(key)) {
      const unauthorized = await this.http.request(method, target);
      const token = await this.fetchToken(parseBearerChallenge(unauthorized.header('WWW-Authenticate')));
      this.#tokens.set(key, token);
    }
    return { Authorization: `Bearer ${this.#tokens.get(key)}` };
  }

  /** https://distribution.github.io/distribution/spec/auth/token/#requesting-a-token */
  async fetchToken({ realm, service, scope }: BearerChallenge): Promise<string> {
    const url = new URL(realm);
    url.searchParams.set('service', service);
    if (scope !== undefined) url.searchParams.set('scope', scope);
    const headers = this.#credentials === undefined ? {} : { Authorization: basicAuthorization(this.#credentials) };
    const answer = await this.http.request('GET', url.href, { headers });
    if (answer.status !== 200) throw new Error(`no token from ${url.href}: ${answer.status} ${answer.text}`);
    return answer.json<{ token: string }>().token;
  }

  #authorized(options: RequestOptions, token: string | undefined): RequestOptions {
    return token === undefined
      ? options
      : { ...options, headers: { Authorization: `Bearer ${token}`, ...options.headers } };
  }

  get(target: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpResponse> {
    return this.request('GET', target, { headers });
  }

  head(target: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpResponse> {
    return this.request('HEAD', target, { headers });
  }

  delete(target: string): Promise<HttpResponse> {
    return this.request('DELETE', target);
  }

  /** Opens an upload (end-4a). @returns where its bytes go */
  async startUpload(repository: string): Promise<string> {
    const answer = await this.request('POST', `/v2/${repository}/blobs/uploads/`);
    mustBe(answer, 202, `POST /v2/${repository}/blobs/uploads/`);
    return answer.header('Location');
  }

  /** Closes an upload (end-6), with the last bytes where there are any. */
  async finishUpload(location: string, digest: string, body?: RequestBody): Promise<HttpResponse> {
    return await this.request('PUT', withQuery(location, { digest }), {
      headers: { 'Content-Type': 'application/octet-stream' },
      ...(body === undefined ? {} : { body }),
    });
  }

  /** Sends one chunk (end-5); `start` left out means a stream that says neither range nor length. */
  async sendChunk(location: string, body: RequestBody, range?: { start: number; end: number }): Promise<HttpResponse> {
    return await this.request('PATCH', location, {
      headers: {
        'Content-Type': 'application/octet-stream',
        ...(range === undefined ? {} : { 'Content-Range': `${range.start}-${range.end}` }),
      },
      body,
    });
  }

  /** Pushes a blob the usual way, POST and then PUT, which must succeed. */
  async pushBlob(repository: string, blob: Content): Promise<void> {
    const location = await this.startUpload(repository);
    mustBe(await this.finishUpload(location, blob.digest, blob.bytes), 201, `push of blob ${blob.digest}`);
  }

  /** @param reference a tag, or the manifest's digest, which is the default */
  async putManifest(repository: string, manifest: Content, reference: string = manifest.digest): Promise<HttpResponse> {
    return await this.request('PUT', `/v2/${repository}/manifests/${reference}`, {
      headers: { 'Content-Type': manifest.mediaType },
      body: manifest.bytes,
    });
  }

  /** Pushes a manifest, which must succeed. */
  async pushManifest(repository: string, manifest: Content, reference?: string): Promise<HttpResponse> {
    const answer = await this.putManifest(repository, manifest, reference);
    mustBe(answer, 201, `push of manifest ${reference ?? manifest.digest}`);
    return answer;
  }

  /** Pushes blobs, children and the manifest itself, in this order. */
  async pushImage(repository: string, image: Image, reference?: string): Promise<HttpResponse> {
    for (const blob of image.blobs) await this.pushBlob(repository, blob);
    for (const child of image.children) await this.pushImage(repository, child);
    return await this.pushManifest(repository, image.manifest, reference);
  }

  async tags(repository: string, query = ''): Promise<string[]> {
    const answer = await this.get(`/v2/${repository}/tags/list${query}`);
    mustBe(answer, 200, `tags of ${repository}`);
    return answer.json<{ tags: string[] }>().tags;
  }

  close(): void {
    this.http.close();
  }
}

/** Adds parameters to a Location, which may have some of its own. */
export function withQuery(location: string, parameters: Readonly<Record<string, string>>): string {
  const separator = location.includes('?') ? '&' : '?';
  return `${location}${separator}${new URLSearchParams(parameters)}`;
}

/** @throws Error with the answer when its status is another */
export function mustBe(answer: HttpResponse, status: number, what: string): void {
  if (answer.status !== status) {
    throw new Error(`${what} should be answered with ${status}, not with ${answer.status}: ${answer.text}`);
  }
}

/** Requests that one token is good for: the same repository and the same kind of access. */
function tokenKey(method: string, target: string): string {
  const [, repository = '', from = ''] =
    /\/v2\/(.+?)\/(?:manifests|blobs|tags|referrers)\/[^?]*(?:.*[?&]from=([^&]+))?/.exec(target) ?? [];
  const access = method === 'GET' || method === 'HEAD' ? 'pull' : method === 'DELETE' ? 'delete' : 'push';
  // Cancelling an upload is part of pushing.
  return `${method === 'DELETE' && target.includes('/uploads/') ? 'push' : access} ${repository} ${from}`;
}
