import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { type Image, image } from '../support/oci-image.ts';
import { RegistryClient } from '../support/registry-client.ts';
import { describeWith } from '../support/requirements.ts';
import { openSwiftClient, type SwiftClient } from '../support/swift-client.ts';
import { type SwiftRegistry, startSwiftRegistry } from '../support/swift-registry.ts';

const MIB = 1024 ** 2;

/** Both cut layers of some MiB into parts. */
const CHUNKS = { chunksize: MIB, prefix: 'images' };

/** Both servers over one container of Swift: the layout is that of distribution's own driver. */
describeWith(['docker-registry', 'swift'], "one container of Swift for this server and for CNCF distribution's", () => {
  let ours: SwiftRegistry;
  let theirs: DockerRegistry;
  let ourClient: RegistryClient;
  let theirClient: RegistryClient;
  let account: SwiftClient;

  beforeAll(async () => {
    ours = await startSwiftRegistry({ redirect: false, settings: CHUNKS });
    const { authUrl: authurl, user: username, key: password } = ours.swift;
    theirs = await startDockerRegistry({
      swift: { authurl, username, password, container: 'registry', ...CHUNKS },
      redirect: { disable: true },
    });
    account = await openSwiftClient(ours.swift);
    ourClient = ours.registry.client();
    theirClient = new RegistryClient({ url: theirs.url });
  });
  afterAll(async () => {
    account?.close();
    ourClient?.close();
    theirClient?.close();
    await theirs?.stop();
    await ours?.stop();
  });

  /** What the other server has written is in our index after this. */
  const reindex = async () => {
    ourClient.close();
    await ours.registry.pause();
    expect(await ours.registry.command('reindex')).toMatchObject({ exitCode: 0 });
    await ours.registry.restart();
    ourClient = ours.registry.client();
  };

  const expectPullable = async (
    client: RegistryClient,
    repository: string,
    tag: string,
    { manifest, blobs }: Image,
  ) => {
    const answer = await client.get(`/v2/${repository}/manifests/${tag}`, { Accept: manifest.mediaType });
    expect(answer.body.equals(manifest.bytes)).toBe(true);
    for (const { digest, bytes } of blobs) {
      expect((await client.get(`/v2/${repository}/blobs/${digest}`)).body.equals(bytes)).toBe(true);
    }
  };

  const kindOf = async (digest: string) => {
    const hex = digest.split(':')[1] as string;
    const path = `/registry/images/files/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
    const { headers } = await account.request('HEAD', path);
    if (headers['x-object-manifest'] !== undefined) return 'dynamic';
    return headers['x-static-large-object'] === undefined ? 'plain' : 'static';
  };

  test('an image pushed here, with a layer of many parts, is served by docker-registry', async () => {
    const pushed = image({ layerSize: 3 * MIB });
    await ourClient.pushImage('from-here', pushed, 'v1');
    expect(await kindOf(pushed.blobs.at(-1)?.digest as string)).toBe('static');
    await expectPullable(theirClient, 'from-here', 'v1', pushed);
    expect(await theirClient.tags('from-here')).toEqual(['v1']);
  });

  describe('an image pushed with docker-registry, with a layer of many parts,', () => {
    const pushed = image({ layerSize: 3 * MIB });
    beforeAll(async () => {
      await theirClient.pushImage('from-there', pushed, 'v1');
      await reindex();
    });

    test('is served here', async () => {
      expect(await kindOf(pushed.blobs.at(-1)?.digest as string)).toBe('dynamic');
      await expectPullable(ourClient, 'from-there', 'v1', pushed);
      for (const { digest, bytes } of pushed.blobs) {
        const head = await ourClient.head(`/v2/from-there/blobs/${digest}`);
        expect(head.header('content-length')).toBe(String(bytes.length));
      }
    });

    test('is pushed here once more, and both servers have it as before', async () => {
      await ourClient.pushImage('from-there', pushed, 'v2');
      const layer = pushed.blobs.at(-1) as (typeof pushed.blobs)[number];
      await ourClient.pushBlob('from-there/again', layer);
      expect(await kindOf(layer.digest)).toBe('static');
      await expectPullable(ourClient, 'from-there', 'v2', pushed);
      await expectPullable(theirClient, 'from-there', 'v1', pushed);
    });
  });

  test('pushes go back and forth', async () => {
    const images = [image({ layerSize: 2 * MIB }), image(), image({ layerSize: 2 * MIB })] as const;
    await theirClient.pushImage('shared', images[0], 'one');
    await reindex();
    await ourClient.pushImage('shared', images[1], 'two');
    await theirClient.pushImage('shared', images[2], 'three');
    await reindex();
    for (const [index, tag] of ['one', 'two', 'three'].entries()) {
      for (const client of [ourClient, theirClient])
        await expectPullable(client, 'shared', tag, images[index] as Image);
    }
  });
});
