import type { SwiftAnswer } from './swift-http.ts';

/**
 * A part of a static large object: https://docs.openstack.org/swift/latest/middleware.html#static-large-objects
 *
 * Manifests of more parts than Swift takes in one are made of manifests.
 */
export interface ManifestPart {
  readonly container: string;
  readonly name: string;
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  /** It is a manifest itself. */
  readonly isManifest: boolean;
  /** Bytes of it that count, where that is not all; no part that is written here has one. */
  readonly range?: string | undefined;
}

interface StoredPart {
  readonly name: string;
  readonly hash: string;
  readonly bytes: number;
  readonly sub_slo?: boolean;
  readonly range?: string;
  /** Bytes in place of a part, which nothing here writes. */
  readonly data?: string;
}

/** What `?multipart-manifest=get` answers. @throws Error when the object was put together by something else, with bytes in the manifest */
export function parseManifest({ body }: SwiftAnswer): readonly ManifestPart[] {
  return (JSON.parse(body.toString()) as readonly StoredPart[]).map((part) => {
    if (part.data !== undefined)
      throw new Error('the object has bytes in its manifest, which this server does not write');
    const [, container = '', ...name] = part.name.split('/');
    return {
      container,
      name: name.join('/'),
      etag: part.hash,
      size: part.bytes,
      isManifest: part.sub_slo === true,
      range: part.range,
    };
  });
}

/** What `?multipart-manifest=put` wants. */
export function renderManifest(parts: readonly Omit<ManifestPart, 'isManifest'>[]): Buffer {
  const entries = parts.map(({ container, name, etag, size, range }) => ({
    path: `/${container}/${name}`,
    etag,
    size_bytes: size,
    range,
  }));
  return Buffer.from(JSON.stringify(entries));
}

interface Result {
  readonly 'Response Status': string;
  readonly Errors: readonly (readonly [name: string, fault: string])[];
}

/**
 * What a manifest has come to, when Swift had to ask for all its parts: the head of the answer is sent before that is known, and the
 * body says it. Its faults become the body, one after the other.
 */
export function unwrapResult(answer: SwiftAnswer): SwiftAnswer {
  if (answer.status !== 200 && answer.status !== 202) return answer;
  const result = JSON.parse(answer.body.toString()) as Result;
  const faults = result.Errors.map(([name, fault]) => `${decodeURIComponent(name)}: ${fault}`);
  const isPassing = result.Errors.some(([, fault]) => /^5\d\d/.test(fault));
  const status = isPassing ? 503 : Number.parseInt(result['Response Status'], 10);
  return { ...answer, status, body: Buffer.from(faults.join('; ')) };
}
