import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { GcsOptions } from '../config/gcs-schema.ts';
import { explainGcsError, type GcsPermission, gcsErrorOf, isMissingObject } from './gcs-errors.ts';
import { GCS_TIME_LIMITS, GcsHttp, type GcsTimeLimits, type HttpAnswer, type HttpCall } from './gcs-http.ts';
import type { GcsIdentity } from './gcs-identity.ts';
import { ObjectNotFoundError, type StorageKey } from './storage-driver.ts';

/** A call about one object, or about all of them. */
export interface GcsRequest {
  /** The right that the call needs, named when Cloud Storage refuses it. */
  readonly permission: GcsPermission;
  /** The key that the call is about. */
  readonly key: StorageKey;
  readonly method: HttpCall['method'];
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/**
 * A bucket of Cloud Storage, or the part of it below `rootdirectory`: the names in it, and calls with the identity of the process.
 *
 * Bytes go through the XML API, which takes parts and checksums; all else through the JSON API, whose errors say more.
 */
export class GcsBucket {
  readonly name: string;
  /** What the names of all objects begin with; empty or with `/` at its end. */
  readonly root: string;
  readonly identity: GcsIdentity;
  readonly #endpoint: string;
  readonly #userAgent: string;
  readonly #http: GcsHttp;

  constructor(options: GcsOptions, identity: GcsIdentity, limits: GcsTimeLimits = GCS_TIME_LIMITS) {
    this.name = options.bucket;
    const root = options.rootdirectory.replace(/^\/+|\/+$/g, '');
    this.root = root === '' ? '' : `${root}/`;
    this.identity = identity;
    this.#endpoint = new URL(options.endpoint).origin;
    this.#userAgent = options.useragent;
    this.#http = new GcsHttp(options.maxconcurrency, limits);
  }

  /** An object in the JSON API. @param action such as `/rewriteTo/…` */
  metadataUrl(key: StorageKey, action = ''): URL {
    return new URL(`/storage/v1/${this.#resource(key)}${action}`, this.#endpoint);
  }

  /** Action of the JSON API that makes a copy at another key. */
  rewriteTo(key: StorageKey): string {
    return `/rewriteTo/${this.#resource(key)}`;
  }

  /** All objects, in the JSON API. */
  listUrl(parameters: Readonly<Record<string, string>>): URL {
    const url = new URL(`/storage/v1/b/${this.name}/o`, this.#endpoint);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url;
  }

  /** An object in the XML API. */
  objectUrl(key: StorageKey, parameters: Readonly<Record<string, string>> = {}): URL {
    const url = new URL(`/${this.name}/${encodePath(this.root + key)}`, this.#endpoint);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url;
  }

  /** Puts an object in one step: https://cloud.google.com/storage/docs/xml-api/put-object-upload */
  async put(key: StorageKey, bytes: Uint8Array): Promise<void> {
    const url = this.objectUrl(key);
    const headers = { 'content-type': 'application/octet-stream', ...checksumOf(bytes) };
    await this.send({ permission: 'storage.objects.create', key, method: 'PUT', url, headers, body: bytes });
  }

  /** Bytes and last change of an object. @throws ObjectNotFoundError */
  async stat(key: StorageKey): Promise<{ size: number; updated: Date }> {
    const url = this.metadataUrl(key);
    url.searchParams.set('fields', 'size,updated');
    const { body } = await this.send({ permission: 'storage.objects.get', key, method: 'GET', url });
    const { size, updated } = JSON.parse(body.toString()) as { size: string; updated: string };
    return { size: Number(size), updated: new Date(updated) };
  }

  /** Removes an object; one that does not exist is no error. */
  async delete(key: StorageKey): Promise<void> {
    const url = this.metadataUrl(key);
    try {
      await this.send({ permission: 'storage.objects.delete', key, method: 'DELETE', url });
    } catch (error) {
      if (!(error instanceof ObjectNotFoundError)) throw error;
    }
  }

  /** Makes a call and gathers the answer. @throws ObjectNotFoundError, and Error that says what to do */
  async send(request: GcsRequest): Promise<HttpAnswer> {
    const answer = await this.#http.send(await this.#callFor(request));
    if (answer.status >= 300) throw this.#failure(answer, request);
    return answer;
  }

  /** Makes a call whose answer is read while it comes; `undefined` when the object has no byte of the range that was asked for. */
  async open(request: GcsRequest): Promise<IncomingMessage | undefined> {
    const answer = await this.#http.open(await this.#callFor(request));
    if (!('status' in answer)) return answer;
    if (answer.status === 416) return undefined;
    throw this.#failure(answer, request);
  }

  close(): void {
    this.#http.close();
  }

  async #callFor({ method, url, headers, body }: GcsRequest): Promise<HttpCall> {
    const identified = { ...headers, ...(await this.identity.headers()), 'user-agent': this.#userAgent };
    return { method, url, headers: identified, ...(body !== undefined && { body }) };
  }

  #failure(answer: HttpAnswer, { permission, key }: GcsRequest): Error {
    const error = gcsErrorOf(answer);
    if (isMissingObject(error)) return new ObjectNotFoundError(key, { cause: error });
    return explainGcsError(error, { permission, bucket: this.name });
  }

  #resource(key: StorageKey): string {
    return `b/${this.name}/o/${percentEncode(this.root + key)}`;
  }
}

/** The field that has Cloud Storage refuse a body that is not what was sent. */
export function checksumOf(bytes: Uint8Array): Record<string, string> {
  return { 'content-md5': createHash('md5').update(bytes).digest('base64') };
}

/** The name of an object as the path of a URL: its slashes stay. */
export function encodePath(name: string): string {
  return name.split('/').map(percentEncode).join('/');
}

/** As signatures want it (RFC 3986): https://cloud.google.com/storage/docs/authentication/canonical-requests */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
