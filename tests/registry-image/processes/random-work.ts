import { RegistryError } from '../../../registry-image/src/errors/registry-error.ts';
import { IntentLostError } from '../../../registry-image/src/metadata/intents.ts';
import type { Digest } from '../../../registry-image/src/registry/digest.ts';
import type { RepositoryName, Tag } from '../../../registry-image/src/registry/reference.ts';
import { chunks } from '../../support/memory-registry.ts';
import { type Content, descriptor, MEDIA_TYPES, manifest, randomBlob } from '../../support/oci-image.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import type { History, Request } from './history.ts';
import { type MortalProcess, ProcessEndedError } from './mortal-process.ts';

/** Few of everything, so that requests meet. */
const REPOSITORIES = ['one', 'two/nested'] as RepositoryName[];
const TAGS = ['latest', 'v1', 'v2'] as Tag[];

export const blobThing = (repository: string, digest: string) => `blob ${repository} ${digest}`;
export const manifestThing = (repository: string, digest: string) => `manifest ${repository} ${digest}`;
export const tagThing = (repository: string, tag: string) => `tag ${repository} ${tag}`;
/** What is refused rightly when others have deleted what a request needs. */
const LEGITIMATE = new Set(['BLOB_UNKNOWN', 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'MANIFEST_BLOB_UNKNOWN']);

/** State of a blob or a manifest that is there. */
export const PRESENT = 'present';

/** What clients push and delete. */
export class World {
  readonly repositories = REPOSITORIES;
  readonly tags = TAGS;
  readonly blobs: readonly Content[] = Array.from({ length: 4 }, () => randomBlob(200));
  /** Each needs two of the blobs; the last ones are indexes of others. */
  readonly manifests: readonly (Content & { needs: readonly string[] })[];

  constructor() {
    const [config] = this.blobs as [Content, ...Content[]];
    const images = this.blobs.slice(1).map((layer) => ({
      ...manifest(MEDIA_TYPES.ociManifest, { config: descriptor(config), layers: [descriptor(layer)] }),
      needs: [config.digest, layer.digest],
    }));
    this.manifests = images;
  }
}

export interface RandomWorkOptions {
  readonly world: World;
  readonly history: History;
  readonly random: SeededRandom;
  /** A process that takes requests now. */
  readonly anyProcess: () => MortalProcess;
  /** Whether processes may be taken for dead that are not. */
  readonly takenForDead: boolean;
}

/** A client that sends each of its requests to any of the processes, and writes down what it was told. */
export class RandomWork {
  readonly #options: RandomWorkOptions;
  /** A tag that nobody else touches, in each repository. */
  readonly #ownTag: Tag;
  readonly #ownBlob = randomBlob(100);
  readonly answered = { done: 0, refused: 0, ended: 0 };

  constructor(options: RandomWorkOptions, name: string) {
    this.#options = options;
    this.#ownTag = `of-${name}` as Tag;
  }

  async step(): Promise<void> {
    const { random, world } = this.#options;
    const repository = random.pick(world.repositories);
    const blob = random.pick(world.blobs);
    const pushed = random.pick(world.manifests);
    await random.pick([
      () => this.#pushBlob(repository, blob),
      () => this.#pushBlob(repository, blob),
      () => this.#pushBlob(repository, blob),
      () => this.#mount(repository, blob),
      () => this.#pushManifest(repository, pushed, random.pick([...world.tags, undefined])),
      () => this.#pushManifest(repository, pushed, random.pick(world.tags)),
      () => this.#pushManifest(repository, pushed, random.pick(world.tags)),
      () => this.#deleteTag(repository, random.pick(world.tags)),
      () => this.#deleteManifest(repository, pushed),
      () => this.#deleteBlob(repository, blob),
      () => this.#moveOwnTag(repository),
    ])();
  }

  async #pushBlob(repository: RepositoryName, { digest, bytes }: Content): Promise<void> {
    const request = this.#options.history.begin().sets(blobThing(repository, digest), PRESENT);
    await this.#send(request, async () => {
      const { anyProcess } = this.#options;
      const { id } = await anyProcess().registry.uploads.start(repository);
      await anyProcess().registry.uploads.append(
        repository,
        id,
        chunks(bytes.subarray(0, 50), bytes.subarray(50, 120)),
      );
      await anyProcess().registry.uploads.finish(repository, id, digest as Digest, chunks(bytes.subarray(120)));
    });
  }

  async #mount(repository: RepositoryName, { digest }: Content): Promise<void> {
    const { anyProcess, history, random, world } = this.#options;
    const request = history.begin().sets(blobThing(repository, digest), PRESENT);
    await this.#send(request, async () => {
      const from = random.pick(world.repositories.filter((other) => other !== repository));
      return anyProcess().registry.blobs.mount(repository, digest as Digest, from, () => true);
    });
  }

  async #pushManifest(repository: RepositoryName, pushed: Content, tag: Tag | undefined): Promise<void> {
    const { anyProcess, history } = this.#options;
    const digest = pushed.digest as Digest;
    const request = history.begin().sets(manifestThing(repository, digest), PRESENT);
    if (tag !== undefined) request.sets(tagThing(repository, tag), digest);
    const reference = tag === undefined ? { digest } : { tag };
    await this.#send(request, async () => {
      await anyProcess().registry.manifests.put(repository, reference, pushed.bytes);
    });
  }

  async #deleteTag(repository: RepositoryName, tag: Tag): Promise<void> {
    const { anyProcess, history } = this.#options;
    const request = history.begin().sets(tagThing(repository, tag), undefined);
    await this.#send(request, () => anyProcess().registry.tags.delete(repository, tag));
  }

  async #deleteManifest(repository: RepositoryName, { digest }: Content): Promise<void> {
    const { anyProcess, history, world } = this.#options;
    const request = history.begin().sets(manifestThing(repository, digest), undefined);
    for (const tag of world.tags) request.maySet(tagThing(repository, tag), undefined);
    await this.#send(request, () => anyProcess().registry.manifests.delete(repository, digest as Digest));
  }

  async #deleteBlob(repository: RepositoryName, { digest }: Content): Promise<void> {
    const { anyProcess, history } = this.#options;
    const request = history.begin().sets(blobThing(repository, digest), undefined);
    await this.#send(request, () => anyProcess().registry.blobs.delete(repository, digest as Digest));
  }

  /** What one process has acknowledged, every other one shows at once. */
  async #moveOwnTag(repository: RepositoryName): Promise<void> {
    const { anyProcess } = this.#options;
    const own = this.#ownBlob;
    await this.#pushBlob(repository, own);
    const pushed = manifest(MEDIA_TYPES.ociManifest, {
      config: descriptor(own),
      layers: [descriptor(own)],
      annotations: { number: String(this.#options.random.integer(1e9)) },
    });
    const before = this.answered.done;
    await this.#pushManifest(repository, pushed, this.#ownTag);
    if (this.answered.done === before) return;
    await this.#send(this.#options.history.begin(), async () => {
      const { digest } = await anyProcess().registry.manifests.find(repository, { tag: this.#ownTag });
      if (digest !== pushed.digest)
        throw new Error(`${this.#ownTag} is ${digest} after it was set to ${pushed.digest}`);
    });
  }

  /** @param work answers `false` when nothing was done */
  async #send(request: Request, work: () => Promise<unknown>): Promise<void> {
    const { history } = this.#options;
    try {
      if ((await work()) === false) request.refused();
      else request.done();
      this.answered.done += 1;
    } catch (error) {
      if (error instanceof RegistryError && LEGITIMATE.has(error.code)) {
        request.refused();
        this.answered.refused += 1;
      } else if (
        error instanceof ProcessEndedError ||
        (this.#options.takenForDead && error instanceof IntentLostError)
      ) {
        history.ended(request);
        this.answered.ended += 1;
      } else throw error;
    }
  }
}
