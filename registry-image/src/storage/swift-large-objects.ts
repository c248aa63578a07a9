import { ObjectNotFoundError, type StorageKey } from './storage-driver.ts';
import { BYTES, NEWEST, type SwiftContainer } from './swift-container.ts';
import { type ManifestPart, parseManifest, renderManifest, unwrapResult } from './swift-manifest.ts';

/** An object as HEAD shows it. */
export interface SwiftObject {
  /** Bytes. */
  readonly size: number;
  readonly modifiedAt: Date;
  readonly etag: string;
  /**
   * `static`: a manifest names its parts (SLO), as this server writes large objects. `dynamic`: its parts are all objects of a
   * prefix (DLO), as CNCF distribution writes them.
   */
  readonly kind: 'plain' | 'static' | 'dynamic';
  /** `container/prefix` of the parts of a dynamic one, percent-encoded. */
  readonly prefix: string | undefined;
  /** Where a move was to bring it. */
  readonly movedTo: StorageKey | undefined;
}

/** A part of a large object, whichever kind that is. */
type Part = Pick<ManifestPart, 'container' | 'name' | 'isManifest'>;

/**
 * A move gives the parts of a large object a second manifest, and then removes the first one. Before, this mark is put on the first
 * one: when the process ends in between, whoever removes it leaves alone the parts that the second one needs.
 */
const MOVED_TO = 'x-object-meta-moved-to';

const DELETES_IN_FLIGHT = 8;

/** Uploads of CNCF distribution. It moves as this server does, but without a mark: parts may be those of a blob as well. */
const UNMARKED = /\/_uploads\//;

/** Parts are numbered. A listing may lag behind, so that gaps in it, and so many behind its end, are asked for by their number. */
const UNLISTED_PARTS = 4;
const NUMBERED = /\/\d+$/;
const DISTRIBUTION_DIGITS = 16;

/** Objects of any size: the small ones, and those that a manifest puts together from parts. */
export class SwiftLargeObjects {
  readonly #container: SwiftContainer;

  constructor(container: SwiftContainer) {
    this.#container = container;
  }

  /** @throws ObjectNotFoundError */
  async stat(key: StorageKey): Promise<SwiftObject> {
    const { headers } = await this.#container.requestObject('HEAD object', key, { headers: NEWEST });
    const { 'x-object-manifest': prefix, [MOVED_TO]: movedTo } = headers as Record<string, string | undefined>;
    const kind = prefix !== undefined ? 'dynamic' : headers['x-static-large-object'] !== undefined ? 'static' : 'plain';
    return {
      size: Number(headers['content-length']),
      modifiedAt: new Date(headers['last-modified'] ?? 0),
      etag: (headers.etag ?? '').replaceAll('"', ''),
      kind,
      prefix,
      movedTo: movedTo === undefined ? undefined : decodeURIComponent(movedTo),
    };
  }

  /** The same; `undefined` when there is no object. */
  async find(key: StorageKey): Promise<SwiftObject | undefined> {
    try {
      return await this.stat(key);
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return undefined;
      throw error;
    }
  }

  /** Puts an object together. @throws Error that names the parts that are missing, or not what they should be */
  async putManifest(name: string, parts: readonly Omit<ManifestPart, 'isManifest'>[]): Promise<void> {
    const answer = await this.#container.request('PUT object', name, {
      // Swift asks for every part before it answers; until then it sends spaces.
      query: { 'multipart-manifest': 'put', heartbeat: 'on' },
      headers: { ...BYTES, accept: 'application/json' },
      body: renderManifest(parts),
      unwrap: unwrapResult,
      accept: [400],
    });
    if (answer.status === 400) {
      throw new Error(
        `Swift does not put ${name} together: ${answer.body.toString()}; a part was lost or changed, and the upload has to start anew`,
      );
    }
  }

  /** Moves an object without its bytes, which stay where they are when it is a large one. @throws ObjectNotFoundError */
  async move(from: StorageKey, to: StorageKey): Promise<void> {
    const [source, target] = await Promise.all([this.stat(from), this.find(to)]);
    const replaced = target === undefined ? [] : await this.#partsOf(to, target);
    if (target !== undefined && isSameManifest(source, target)) {
      // The blob is there already, perhaps from a move that was interrupted: readers of it are not to be disturbed.
      await this.#deleteParts(without(await this.#partsOf(from, source), replaced));
    } else {
      await this.#place(from, source, to);
      if (replaced.length > 0) await this.#deleteParts(without(replaced, await this.#partsOf(to, await this.stat(to))));
    }
    await this.#deleteObject(from);
  }

  /** Removes an object with its parts; one that does not exist is no error. */
  async remove(key: StorageKey): Promise<void> {
    const object = await this.find(key);
    if (object === undefined) return;
    if (object.kind === 'static' && object.movedTo === undefined) {
      await this.#deleteObject(key, { 'multipart-manifest': 'delete' });
      return;
    }
    if (object.kind !== 'plain') await this.#deleteParts(await this.#ownPartsOf(key, object));
    await this.#deleteObject(key);
  }

  /** Removes parts that no manifest has. @param directory in which they are numbered, with so many digits */
  async removeSegments(directory: string, digits: number): Promise<void> {
    await this.#deleteParts(await this.#listParts(directory, directory, digits));
  }

  async #place(from: StorageKey, source: SwiftObject, to: StorageKey): Promise<void> {
    if (source.kind === 'plain') {
      const headers = { 'x-copy-from': this.#container.encodedPath(this.#container.nameOf(from)) };
      const copied = await this.#container.request('PUT object', this.#container.nameOf(to), {
        headers,
        accept: [404],
      });
      if (copied.status === 404) throw new ObjectNotFoundError(from);
      return;
    }
    const manifest = source.prefix === undefined ? {} : { 'x-object-manifest': source.prefix };
    const parts = source.kind === 'static' ? await this.#readManifest(from) : undefined;
    if (parts?.length === 0) throw new Error(`${from} was replaced while it was being moved to ${to}`);
    await this.#container.requestObject('POST object', from, {
      // A POST without it would make an empty object of a dynamic one.
      headers: { ...manifest, [MOVED_TO]: encodeURIComponent(to) },
    });
    if (parts !== undefined) await this.putManifest(this.#container.nameOf(to), parts);
    else await this.#container.requestObject('PUT object', to, { headers: { ...BYTES, ...manifest } });
  }

  /** Parts that no other object needs. */
  async #ownPartsOf(key: StorageKey, object: SwiftObject): Promise<readonly Part[]> {
    if (object.kind === 'dynamic' && UNMARKED.test(key)) return [];
    const parts = await this.#partsOf(key, object);
    const { movedTo } = object;
    const moved = movedTo === undefined || movedTo === key ? undefined : await this.find(movedTo);
    return moved === undefined ? parts : without(parts, await this.#partsOf(movedTo as StorageKey, moved));
  }

  async #partsOf(key: StorageKey, { kind, prefix }: SwiftObject): Promise<readonly Part[]> {
    if (kind === 'static') return this.#readManifest(key);
    return prefix === undefined ? [] : this.#dynamicParts(prefix);
  }

  /** Nothing for a manifest that was replaced by something else meanwhile. */
  async #readManifest(key: StorageKey): Promise<readonly ManifestPart[]> {
    const query = { 'multipart-manifest': 'get' };
    const answer = await this.#container.requestObject('GET object', key, { query, headers: NEWEST });
    return answer.headers['x-static-large-object'] === undefined ? [] : parseManifest(answer);
  }

  /** Only what lies where parts do: whoever wrote the object could have named any prefix. */
  async #dynamicParts(encodedPrefix: string): Promise<readonly Part[]> {
    const [container = '', ...rest] = decodeURIComponent(encodedPrefix).split('/');
    const prefix = rest.join('/');
    if (container !== this.#container.name || !this.#container.isSegment(prefix)) return [];
    return this.#listParts(prefix, `${prefix}/`, DISTRIBUTION_DIGITS);
  }

  async #listParts(prefix: string, directory: string, digits: number): Promise<readonly Part[]> {
    const names = new Set<string>();
    let last = 0;
    for await (const { name } of this.#container.list(prefix)) {
      names.add(name);
      if (NUMBERED.test(name)) last = Math.max(last, Number(name.slice(name.lastIndexOf('/') + 1)));
    }
    for (let number = 1; number <= last + UNLISTED_PARTS; number += 1) {
      names.add(directory + String(number).padStart(digits, '0'));
    }
    return [...names].map((name) => ({ container: this.#container.name, name, isManifest: false }));
  }

  async #deleteParts(parts: readonly Part[]): Promise<void> {
    const remaining = parts.values();
    const deleteSome = async () => {
      // Several of these loops take from one iterator.
      for (const { container, name, isManifest } of remaining) {
        await this.#delete(name, isManifest ? { 'multipart-manifest': 'delete' } : {}, container);
      }
    };
    await Promise.all(Array.from({ length: DELETES_IN_FLIGHT }, deleteSome));
  }

  async #deleteObject(key: StorageKey, query: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#delete(this.#container.nameOf(key), query);
  }

  async #delete(name: string, query: Readonly<Record<string, string>>, container?: string): Promise<void> {
    await this.#container.request('DELETE object', name, {
      query,
      headers: { accept: 'application/json' },
      ...(query['multipart-manifest'] !== undefined && { unwrap: unwrapResult }),
      ...(container !== undefined && { container }),
      accept: [404],
    });
  }
}

/** Manifests of equal parts: the etag is made of those of the parts. */
function isSameManifest(one: SwiftObject, other: SwiftObject): boolean {
  return one.kind === 'static' && other.kind === 'static' && one.etag === other.etag && one.size === other.size;
}

function without(parts: readonly Part[], others: readonly Part[]): readonly Part[] {
  const path = ({ container, name }: Part) => `${container}/${name}`;
  const kept = new Set(others.map(path));
  return parts.filter((part) => !kept.has(path(part)));
}
