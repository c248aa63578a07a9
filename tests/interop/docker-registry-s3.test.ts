import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { expectPullable } from '../support/expect-pullable.ts';
import { type Image, image, multiArchitectureImage } from '../support/oci-image.ts';
import { RegistryClient } from '../support/registry-client.ts';
import { describeWith } from '../support/requirements.ts';
import { type S3Registry, startS3Registry } from '../support/s3-registry.ts';

const MIB = 1024 ** 2;

/** Of both: a folder in the bucket, and the smallest parts that S3 takes. */
const OPTIONS = { rootdirectory: '/images', chunksize: 5 * MIB };

/** Both servers over one bucket: the layout is that of distribution's own driver. */
describeWith(['docker-registry', 'moto_server'], "one bucket for this server and for CNCF distribution's", () => {
  let ours: S3Registry;
  let theirs: DockerRegistry;
  let ourClient: RegistryClient;
  let theirClient: RegistryClient;

  beforeAll(async () => {
    ours = await startS3Registry({ redirect: false, settings: OPTIONS });
    theirs = await startDockerRegistry({
      s3: {
        bucket: 'registry',
        region: 'eu-central-1',
        regionendpoint: ours.endpoint,
        accesskey: 'test',
        secretkey: 'test',
        ...OPTIONS,
      },
      redirect: { disable: true },
    });
    ourClient = ours.registry.client();
    theirClient = new RegistryClient({ url: theirs.url });
  });
  afterAll(async () => {
    ourClient?.close();
    theirClient?.close();
    await theirs?.stop();
    await ours?.stop();
  });

  /** What the other server has written is in our index after this. */
  async function reindex(): Promise<void> {
    ourClient.close();
    await ours.registry.pause();
    expect(await ours.registry.command('reindex')).toMatchObject({ exitCode: 0 });
    await ours.registry.restart();
    ourClient = ours.registry.client();
  }

  const images: [string, string, () => Image][] = [
    ['an image with a layer of several parts', 'parts', () => image({ layerSize: 12 * MIB })],
    ['an OCI index', 'multi', () => multiArchitectureImage()],
    ['a Docker schema 2 image', 'docker', () => image({ format: 'docker' })],
  ];

  describe('filled by docker-registry', () => {
    test('is served here', async () => {
      const pushed = images.map(([, name, make]) => [`from-there/${name}`, make()] as const);
      for (const [repository, each] of pushed) await theirClient.pushImage(repository, each, 'v1');
      await reindex();
      for (const [repository, each] of pushed) {
        await expectPullable(ourClient, repository, 'v1', each);
        expect(await ourClient.tags(repository)).toEqual(['v1']);
      }
    });

    test('is continued here, and read back by docker-registry', async () => {
      const repository = 'from-there/continued';
      const [first, second] = [image({ layerSize: 6 * MIB }), image({ layerSize: 12 * MIB })];
      await theirClient.pushImage(repository, first, 'one');
      await theirClient.pushImage(repository, first, 'moved');
      await reindex();
      await ourClient.pushImage(repository, second, 'two');
      await ourClient.pushImage(repository, second, 'moved');
      for (const client of [ourClient, theirClient]) {
        expect((await client.tags(repository)).sort()).toEqual(['moved', 'one', 'two']);
        await expectPullable(client, repository, 'one', first);
        await expectPullable(client, repository, 'two', second);
        await expectPullable(client, repository, 'moved', second);
      }
    });

    test('is not harmed by an upload that was broken off there', async () => {
      const location = await theirClient.startUpload('from-there/unfinished');
      await theirClient.sendChunk(location, Buffer.alloc(6 * MIB));
      await reindex();
      expect((await ourClient.get('/v2/from-there/unfinished/tags/list')).status).toBe(404);
    });
  });

  describe('filled here', () => {
    test.each(images)('%s is served by docker-registry', async (_what, name, make) => {
      const pushed = make();
      await ourClient.pushImage(`from-here/${name}`, pushed, 'v1');
      await expectPullable(theirClient, `from-here/${name}`, 'v1', pushed);
      expect(await theirClient.tags(`from-here/${name}`)).toEqual(['v1']);
    });

    test('what is deleted here is gone there', async () => {
      const [kept, removed] = [image(), image()];
      await ourClient.pushImage('from-here/deleted', kept, 'kept');
      await ourClient.pushImage('from-here/deleted', removed, 'removed');
      expect((await ourClient.delete(`/v2/from-here/deleted/manifests/${removed.manifest.digest}`)).status).toBe(202);
      expect(await theirClient.tags('from-here/deleted')).toEqual(['kept']);
      await expectPullable(theirClient, 'from-here/deleted', 'kept', kept);
    });

    test('both list the same repositories', async () => {
      const listed = async (client: RegistryClient) =>
        (await client.get('/v2/_catalog?n=1000')).json<{ repositories: string[] }>().repositories;
      // The other one also lists repositories in which an upload was broken off.
      const theirList = (await listed(theirClient)).filter((name) => name !== 'from-there/unfinished');
      expect(theirList).toEqual(await listed(ourClient));
    });
  });
});
