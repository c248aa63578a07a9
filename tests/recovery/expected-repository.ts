import { expect } from '@jest/globals';
import type { Content, Image } from '../support/oci-image.ts';
import type { RegistryClient } from '../support/registry-client.ts';

/** `maybe`: a request about it was running when the server was killed; both outcomes are right. */
type Presence = 'present' | 'absent' | 'maybe';

interface Tracked<T> {
  readonly value: T;
  presence: Presence;
}

/** A blob on its way: what was sent of it was acknowledged, nothing closed it. */
export interface OpenUpload {
  readonly location: string;
  readonly blob: Content;
}

/**
 * What one repository must look like, as far as its only client was told. A change is announced before its request is sent
 * and settled by the answer; without an answer, both the state before and the state after are right.
 */
export class ExpectedRepository {
  readonly name: string;
  readonly manifests = new Map<string, Tracked<Image>>();
  readonly blobs = new Map<string, Tracked<Content>>();
  readonly uploads: OpenUpload[] = [];
  /** What a tag may point at; `undefined` for a tag that may be absent. */
  readonly #tags = new Map<string, Set<string | undefined>>();

  constructor(name: string) {
    this.name = name;
  }

  /** Images that are certainly there. */
  get images(): Image[] {
    return [...this.manifests.values()].flatMap(({ value, presence }) => (presence === 'present' ? [value] : []));
  }

  /** Tags that are certainly there. */
  get tags(): string[] {
    return [...this.#tags].flatMap(([tag, digests]) => (digests.has(undefined) ? [] : [tag]));
  }

  /** Around a request that makes a blob appear or disappear. */
  async changeBlob(blob: Content, presence: 'present' | 'absent', request: () => Promise<void>): Promise<void> {
    const tracked = this.blobs.get(blob.digest) ?? { value: blob, presence: 'absent' };
    this.blobs.set(blob.digest, tracked);
    if (tracked.presence !== presence) tracked.presence = 'maybe';
    await request();
    tracked.presence = presence;
  }

  /** Around a request that pushes a manifest, under a tag where one is given. */
  async putManifest(image: Image, tag: string | undefined, request: () => Promise<void>): Promise<void> {
    const { digest } = image.manifest;
    const tracked = this.manifests.get(digest) ?? { value: image, presence: 'absent' };
    this.manifests.set(digest, tracked);
    if (tracked.presence !== 'present') tracked.presence = 'maybe';
    if (tag !== undefined) this.#possible(tag).add(digest);
    await request();
    tracked.presence = 'present';
    if (tag !== undefined) this.#tags.set(tag, new Set([digest]));
  }

  async deleteTag(tag: string, request: () => Promise<void>): Promise<void> {
    this.#possible(tag).add(undefined);
    await request();
    this.#tags.delete(tag);
  }

  /** Around a request that deletes a manifest, and with it every tag that points at it. */
  async deleteManifest({ manifest: { digest } }: Image, request: () => Promise<void>): Promise<void> {
    const tracked = this.manifests.get(digest) as Tracked<Image>;
    const tags = [...this.#tags.values()].filter((digests) => digests.has(digest));
    tracked.presence = 'maybe';
    for (const digests of tags) digests.add(undefined);
    await request();
    tracked.presence = 'absent';
    for (const digests of tags) digests.delete(digest);
  }

  #possible(tag: string): Set<string | undefined> {
    const digests = this.#tags.get(tag) ?? new Set([undefined]);
    this.#tags.set(tag, digests);
    return digests;
  }

  /** Holds the registry to all of it, and takes what was uncertain as it finds it. */
  async verify(client: RegistryClient): Promise<void> {
    for (const [digest, tracked] of this.blobs) {
      const answer = await client.get(`/v2/${this.name}/blobs/${digest}`);
      tracked.presence = settle(`blob ${digest}`, tracked.presence, answer.status);
      if (answer.status === 200) expect(answer.body.equals(tracked.value.bytes)).toBe(true);
    }
    for (const [digest, tracked] of this.manifests) {
      const answer = await client.get(`/v2/${this.name}/manifests/${digest}`);
      tracked.presence = settle(`manifest ${digest}`, tracked.presence, answer.status);
      if (answer.status !== 200) continue;
      expect(answer.body.equals(tracked.value.manifest.bytes)).toBe(true);
      await this.#expectComplete(client, tracked.value);
    }
    await this.#verifyTags(client);
    await this.#verifyReferrers(client);
    await this.#resumeUploads(client);
  }

  /** A manifest that is visible has everything that it needs. */
  async #expectComplete(client: RegistryClient, { blobs, children }: Image): Promise<void> {
    for (const { digest } of blobs) {
      expect((await client.head(`/v2/${this.name}/blobs/${digest}`)).status).toBe(200);
    }
    for (const { manifest } of children) {
      expect((await client.head(`/v2/${this.name}/manifests/${manifest.digest}`)).status).toBe(200);
    }
  }

  async #verifyTags(client: RegistryClient): Promise<void> {
    const list = await client.get(`/v2/${this.name}/tags/list`);
    const listed = list.status === 404 ? [] : list.json<{ tags: string[] }>().tags;
    expect([...this.#tags.keys()]).toEqual(expect.arrayContaining(listed));
    for (const [tag, digests] of this.#tags) {
      const answer = await client.get(`/v2/${this.name}/manifests/${tag}`);
      const digest = answer.status === 200 ? answer.header('Docker-Content-Digest') : undefined;
      expect({ tag, allowed: [...digests], digest }).toMatchObject({ allowed: expect.arrayContaining([digest]) });
      expect({ tag, listed: listed.includes(tag) }).toEqual({ tag, listed: digest !== undefined });
      if (digest === undefined) this.#tags.delete(tag);
      else {
        expect(this.manifests.get(digest)?.presence).toBe('present');
        this.#tags.set(tag, new Set([digest]));
      }
    }
  }

  async #verifyReferrers(client: RegistryClient): Promise<void> {
    for (const { manifest } of this.images) {
      const { subject } = JSON.parse(manifest.bytes.toString()) as { subject?: { digest: string } };
      if (subject === undefined) continue;
      const answer = await client.get(`/v2/${this.name}/referrers/${subject.digest}`);
      const digests = answer.json<{ manifests: { digest: string }[] }>().manifests.map(({ digest }) => digest);
      expect(digests).toContain(manifest.digest);
    }
  }

  /** An upload that was broken off goes on where it says that it stands, or is gone. */
  async #resumeUploads(client: RegistryClient): Promise<void> {
    for (const { location, blob } of this.uploads.splice(0)) {
      const status = await client.get(location);
      expect([204, 404]).toContain(status.status);
      if (status.status === 404) continue;
      const kept = Number(status.header('Range').split('-')[1]) + 1;
      // Range cannot tell one byte from none.
      const start = kept === 1 ? 0 : kept;
      const sent = await client.sendChunk(status.header('Location'), blob.bytes.subarray(start), {
        start,
        end: blob.bytes.length - 1,
      });
      expect(sent.status).toBe(202);
      const closed = await client.finishUpload(sent.header('Location'), blob.digest);
      expect(closed.status).toBe(201);
      this.blobs.set(blob.digest, { value: blob, presence: 'present' });
    }
  }
}

function settle(what: string, expected: Presence, status: number): Presence {
  const found = status === 200 ? 'present' : 'absent';
  expect({ what, status, allowed: expected === 'maybe' ? [200, 404] : [expected === 'present' ? 200 : 404] }).toEqual({
    what,
    status,
    allowed: expect.arrayContaining([status]),
  });
  return found;
}
