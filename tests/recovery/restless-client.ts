import { artifact, type Content, type Image, image, multiArchitectureImage, randomBlob } from '../support/oci-image.ts';
import { mustBe, type RegistryClient } from '../support/registry-client.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { ExpectedRepository } from './expected-repository.ts';

const TAGS = ['v1', 'v2', 'v3', 'latest'];

/** Enough to be in the middle of when the server is killed, in bytes. */
const LARGE_BLOB = 400_000;

/** A client that changes one repository in every way there is, and writes down what it was told. */
export class RestlessClient {
  readonly #client: RegistryClient;
  readonly #expected: ExpectedRepository;
  readonly #random: SeededRandom;
  /** A layer that every repository has: pushes of the same bytes meet each other. */
  readonly #shared: Content;

  constructor(client: RegistryClient, expected: ExpectedRepository, random: SeededRandom, shared: Content) {
    this.#client = client;
    this.#expected = expected;
    this.#random = random;
    this.#shared = shared;
  }

  /**
   * Goes on until the server is gone.
   *
   * @param acknowledged called after each change that was, one or more requests
   * @throws Error when the server refuses what it must take
   */
  async run(isKilled: () => boolean, acknowledged: () => void): Promise<void> {
    while (!isKilled()) {
      try {
        await this.#step();
        acknowledged();
      } catch (error) {
        // Whatever breaks once the kill is under way broke because of it.
        if (!isKilled()) throw error;
      }
    }
  }

  async #step(): Promise<void> {
    const { images, tags } = this.#expected;
    const steps = [
      () => this.#pushImage(image({ layerSize: 2_000 }), this.#random.pick(TAGS)),
      () => this.#pushImage(multiArchitectureImage(), this.#random.pick(TAGS)),
      () => this.#pushBlob(randomBlob(LARGE_BLOB)),
      () => this.#pushBlob(this.#shared),
      () => this.#leaveUploadOpen(),
      () => this.#deleteUnusedBlob(),
      ...(images.length > 0
        ? [
            () =>
              this.#pushImage(artifact(this.#random.pick(images).manifest, 'application/vnd.example.test'), undefined),
            () => this.#tag(this.#random.pick(images), this.#random.pick(TAGS)),
            () => this.#deleteManifest(this.#random.pick(images)),
          ]
        : []),
      ...(tags.length > 0 ? [() => this.#deleteTag(this.#random.pick(tags))] : []),
    ];
    await this.#random.pick(steps)();
  }

  async #pushImage(pushed: Image, tag: string | undefined): Promise<void> {
    for (const child of pushed.children) await this.#pushImage(child, undefined);
    for (const blob of pushed.blobs) await this.#pushBlob(blob);
    await this.#tag(pushed, tag);
  }

  async #tag(pushed: Image, tag: string | undefined): Promise<void> {
    await this.#expected.putManifest(pushed, tag, async () => {
      await this.#client.pushManifest(this.#expected.name, pushed.manifest, tag);
    });
  }

  async #pushBlob(blob: Content): Promise<void> {
    const { name } = this.#expected;
    const inTwoChunks = async () => {
      const half = Math.floor(blob.bytes.length / 2);
      const location = await this.#client.startUpload(name);
      const sent = await this.#client.sendChunk(location, blob.bytes.subarray(0, half));
      mustBe(sent, 202, 'a chunk');
      const next = sent.header('Location');
      mustBe(await this.#client.finishUpload(next, blob.digest, blob.bytes.subarray(half)), 201, 'the last chunk');
    };
    const atOnce = async () => {
      const path = `/v2/${name}/blobs/uploads/?digest=${blob.digest}`;
      mustBe(await this.#client.request('POST', path, { body: blob.bytes }), 201, 'a blob at once');
    };
    const inTwoRequests = () => this.#client.pushBlob(name, blob);
    await this.#expected.changeBlob(blob, 'present', this.#random.pick([inTwoChunks, atOnce, inTwoRequests]));
  }

  async #leaveUploadOpen(): Promise<void> {
    const blob = randomBlob(LARGE_BLOB);
    const location = await this.#client.startUpload(this.#expected.name);
    this.#expected.uploads.push({ location, blob });
    await this.#client.sendChunk(location, blob.bytes.subarray(0, this.#random.integer(LARGE_BLOB)));
  }

  async #deleteUnusedBlob(): Promise<void> {
    const blob = randomBlob();
    await this.#pushBlob(blob);
    const path = `/v2/${this.#expected.name}/blobs/${blob.digest}`;
    await this.#expected.changeBlob(blob, 'absent', async () => mustBe(await this.#client.delete(path), 202, path));
  }

  async #deleteTag(tag: string): Promise<void> {
    const path = `/v2/${this.#expected.name}/manifests/${tag}`;
    await this.#expected.deleteTag(tag, async () => mustBe(await this.#client.delete(path), 202, path));
  }

  async #deleteManifest(deleted: Image): Promise<void> {
    // The children of an index that stays must stay.
    const { digest } = deleted.manifest;
    if (this.#expected.images.some(({ children }) => children.some(({ manifest }) => manifest.digest === digest)))
      return;
    const path = `/v2/${this.#expected.name}/manifests/${digest}`;
    await this.#expected.deleteManifest(deleted, async () => mustBe(await this.#client.delete(path), 202, path));
  }
}
