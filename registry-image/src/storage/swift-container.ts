import type { IncomingHttpHeaders } from 'node:http';
import { ObjectNotFoundError, type StorageKey } from './storage-driver.ts';
import { explainSwiftAnswer, explainUnreachable, isMissingContainer, type SwiftAction } from './swift-errors.ts';
import type { SwiftAnswer, SwiftCall, SwiftHttp, SwiftStream } from './swift-http.ts';
import type { SwiftIdentity } from './swift-identity.ts';
import type { SwiftOptions } from './swift-options.ts';

/** An object as a listing shows it. */
export interface ListedObject {
  readonly name: string;
  /** Bytes; 0 for a dynamic large object, whatever it consists of. */
  readonly bytes: number;
  readonly modifiedAt: Date;
}

export interface SwiftRequest extends Omit<SwiftCall, 'method' | 'url'> {
  readonly query?: Readonly<Record<string, string>>;
  /** Statuses beside the good ones that the caller knows what to do with. */
  readonly accept?: readonly number[];
  /** @default - the registry's */
  readonly container?: string;
}

/** What the registry keeps is bytes, whatever their name looks like. */
export const BYTES = { 'content-type': 'application/octet-stream' };

/** Asks every replica of an object and takes the newest: for what is written more than once. */
export const NEWEST = { 'x-newest': 'true' };

/**
 * A container, or the part of it that begins with `prefix`, named as CNCF distribution names it:
 *
 *   <prefix>/files/docker/registry/v2/…       objects by their key
 *   <prefix>/segments/…                       parts of large objects
 *
 * Segments are in the same container, and not in `<container>_segments` as Swift's own client has it: a URL that is signed with the
 * key of a container reads nothing outside it, and an ACL that names the registry's user counts for both.
 */
export class SwiftContainer {
  readonly name: string;
  readonly #http: SwiftHttp;
  readonly #identity: SwiftIdentity;
  readonly #filesRoot: string;
  readonly #segmentsRoot: string;

  constructor({ container, prefix }: SwiftOptions, http: SwiftHttp, identity: SwiftIdentity) {
    this.name = container;
    this.#http = http;
    this.#identity = identity;
    this.#filesRoot = `${prefix}/files/`.replace(/^\/+/, '');
    this.#segmentsRoot = `${prefix}/segments/`.replace(/^\/+/, '');
  }

  /** Name of an object in the container. */
  nameOf(key: StorageKey): string {
    return this.#filesRoot + key;
  }

  keyOf(name: string): StorageKey {
    return name.slice(this.#filesRoot.length);
  }

  /** Name of a part of a large object. */
  segmentName(path: string): string {
    return this.#segmentsRoot + path;
  }

  /** Whether an object of this name is part of a large object, and no data by itself. */
  isSegment(name: string): boolean {
    return name.startsWith(this.#segmentsRoot) && name.length > this.#segmentsRoot.length;
  }

  /** `container/name`, percent-encoded, as URLs and `X-Copy-From` have it. */
  encodedPath(name: string, container = this.name): string {
    return [container, ...name.split('/')].map(encodeURIComponent).join('/');
  }

  /** The account as its URL names it, such as `AUTH_4f1c…`; and that URL. */
  async account(): Promise<{ readonly name: string; readonly url: string }> {
    const { storageUrl } = await this.#identity.token();
    return { name: decodeURIComponent(storageUrl.slice(storageUrl.lastIndexOf('/') + 1)), url: storageUrl };
  }

  /** Asks about the object at a key and gathers the answer. @throws ObjectNotFoundError */
  async requestObject(action: SwiftAction, key: StorageKey, request: SwiftRequest = {}): Promise<SwiftAnswer> {
    const { accept = [] } = request;
    const answer = await this.request(action, this.nameOf(key), { ...request, accept: [404, ...accept] });
    if (answer.status !== 404) return answer;
    if (isMissingContainer(action, answer)) throw await this.#fault(action, answer);
    throw new ObjectNotFoundError(key);
  }

  /** Every object whose name begins so. */
  async *list(prefix: string): AsyncIterable<ListedObject> {
    let marker = '';
    for (;;) {
      const page = await this.#listPage(prefix, marker);
      for (const { name, bytes, last_modified: time } of page) {
        // Times of listings are of UTC and do not say so.
        yield { name, bytes, modifiedAt: new Date(time.endsWith('Z') ? time : `${time}Z`) };
      }
      const last = page.at(-1);
      // A page may be shorter than the others and not be the last one.
      if (last === undefined) return;
      marker = last.name;
    }
  }

  /** Opens the object at a key, to be read while it comes. @throws ObjectNotFoundError */
  async openObject(key: StorageKey, headers: Readonly<Record<string, string>>): Promise<SwiftStream | SwiftAnswer> {
    const answer = await this.#authorized((token, storageUrl) =>
      this.#http.open({
        method: 'GET',
        url: `${storageUrl}/${this.encodedPath(this.nameOf(key))}`,
        headers: { ...headers, 'x-auth-token': token },
      }),
    );
    if ('stream' in answer || answer.status === 416) return answer;
    if (answer.status === 404) throw new ObjectNotFoundError(key);
    throw await this.#fault('GET object', answer);
  }

  /** Asks about the account, the container, or the object of a name in it. */
  async request(
    action: SwiftAction,
    name: string,
    { query, accept = [], container = this.name, ...rest }: SwiftRequest = {},
  ): Promise<SwiftAnswer> {
    const [method, noun] = action.split(' ') as [SwiftCall['method'], 'account' | 'container' | 'object'];
    const paths = {
      account: '',
      container: `/${encodeURIComponent(container)}`,
      object: `/${this.encodedPath(name, container)}`,
    };
    const search = query === undefined ? '' : `?${new URLSearchParams(query)}`;
    const answer = await this.#authorized((token, storageUrl) =>
      this.#http.send({
        ...rest,
        method,
        url: storageUrl + paths[noun] + search,
        headers: { ...rest.headers, 'x-auth-token': token },
      }),
    );
    if (isGood(answer) || accept.includes(answer.status)) return answer;
    throw await this.#fault(action, answer, container);
  }

  async #listPage(prefix: string, marker: string): Promise<readonly Listed[]> {
    const query = { format: 'json', prefix, ...(marker !== '' && { marker }) };
    const { body } = await this.request('GET container', '', { query });
    // An account that nobody has written to yet answers without a body.
    return body.length === 0 ? [] : (JSON.parse(body.toString()) as readonly Listed[]);
  }

  /** A token that was taken back, or is over before its time, is replaced once. */
  async #authorized<T extends { readonly status: number; readonly headers: IncomingHttpHeaders }>(
    call: (token: string, storageUrl: string) => Promise<T>,
  ): Promise<T> {
    let refused: string | undefined;
    for (;;) {
      const { token, storageUrl } = await this.#identity.token(refused);
      const answer = await call(token, storageUrl).catch((error) => {
        throw explainUnreachable(error, 'storage.swift.region and storage.swift.endpointtype');
      });
      if (answer.status !== 401 || refused !== undefined) return answer;
      refused = token;
    }
  }

  async #fault(action: SwiftAction, answer: SwiftAnswer, container = this.name): Promise<Error> {
    return explainSwiftAnswer(answer, { action, account: (await this.account()).name, container });
  }
}

interface Listed {
  readonly name: string;
  readonly bytes: number;
  readonly last_modified: string;
}

function isGood({ status }: SwiftAnswer): boolean {
  return status >= 200 && status < 300;
}
