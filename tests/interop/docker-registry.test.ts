import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { expectPullable } from '../support/expect-pullable.ts';
import { type Image, image, multiArchitectureImage } from '../support/oci-image.ts';
import { RegistryClient } from '../support/registry-client.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeWith } from '../support/requirements.ts';

/** Both servers over one directory: the layout of storage is distribution's. */
describeWith(['docker-registry'], "one directory for this server and for CNCF distribution's", () => {
  let ours: RegistryProcess;
  let theirs: DockerRegistry;
  let ourClient: RegistryClient;
  let theirClient: RegistryClient;

  beforeAll(async () => {
    ours = await startRegistry();
    theirs = await startDockerRegistry(ours.storageDirectory);
    ourClient = ours.client();
    theirClient = new RegistryClient({ url: theirs.url });
  });
  afterAll(async () => {
    ourClient.close();
    theirClient.close();
    await theirs.stop();
    await ours.stop();
  });

  /** What the other server has written is in our index after this. */
  async function reindex(): Promise<void> {
    ourClient.close();
    await ours.pause();
    expect(await ours.command('reindex')).toMatchObject({ exitCode: 0 });
    await ours.restart();
    ourClient = ours.client();
  }

  const images: [string, string, () => Image][] = [
    ['an OCI image', 'plain', () => image()],
    ['an OCI index', 'multi', () => multiArchitectureImage()],
    ['a Docker schema 2 image', 'docker', () => image({ format: 'docker' })],
    ['a Docker manifest list', 'docker-list', () => multiArchitectureImage({ format: 'docker' })],
    ['an image in a nested repository', 'a/b/c/d/e', () => image()],
  ];

  describe('pushed here', () => {
    test.each(images)('%s is served by docker-registry', async (_what, name, make) => {
      const pushed = make();
      await ourClient.pushImage(`from-here/${name}`, pushed, 'v1');
      await expectPullable(theirClient, `from-here/${name}`, 'v1', pushed);
      expect(await theirClient.tags(`from-here/${name}`)).toEqual(['v1']);
    });

    test('repositories and tags are listed there as here', async () => {
      const pushed = image();
      for (const tag of ['one', 'two']) await ourClient.pushImage('from-here/listed', pushed, tag);
      expect((await theirClient.tags('from-here/listed')).sort()).toEqual(['one', 'two']);
      const listed = async (client: RegistryClient) =>
        (await client.get('/v2/_catalog?n=1000')).json<{ repositories: string[] }>().repositories;
      expect(await listed(theirClient)).toEqual(await listed(ourClient));
    });

    test('a tag that moved points there at the new image', async () => {
      const [first, second] = [image(), image()];
      await ourClient.pushImage('from-here/moved', first, 'latest');
      await ourClient.pushImage('from-here/moved', second, 'latest');
      await expectPullable(theirClient, 'from-here/moved', 'latest', second);
      await expectPullable(theirClient, 'from-here/moved', first.manifest.digest, first);
    });

    test('a mounted blob is served there from both repositories', async () => {
      const pushed = image();
      await ourClient.pushImage('from-here/source', pushed, 'v1');
      for (const { digest } of pushed.blobs) {
        const mount = `/v2/from-here/mounted/blobs/uploads/?mount=${digest}&from=from-here/source`;
        expect((await ourClient.request('POST', mount)).status).toBe(201);
      }
      await ourClient.pushManifest('from-here/mounted', pushed.manifest, 'v1');
      await expectPullable(theirClient, 'from-here/mounted', 'v1', pushed);
    });

    test('what is deleted here is gone there', async () => {
      const [kept, removed] = [image(), image()];
      await ourClient.pushImage('from-here/deleted', kept, 'kept');
      await ourClient.pushImage('from-here/deleted', kept, 'untagged');
      await ourClient.pushImage('from-here/deleted', removed, 'removed');
      expect((await ourClient.delete('/v2/from-here/deleted/manifests/untagged')).status).toBe(202);
      expect((await ourClient.delete(`/v2/from-here/deleted/manifests/${removed.manifest.digest}`)).status).toBe(202);
      expect(await theirClient.tags('from-here/deleted')).toEqual(['kept']);
      expect((await theirClient.get(`/v2/from-here/deleted/manifests/${removed.manifest.digest}`)).status).toBe(404);
      await expectPullable(theirClient, 'from-here/deleted', 'kept', kept);
    });
  });

  describe('pushed with docker-registry', () => {
    test('every kind of image is served here after reindex', async () => {
      const pushed = images.map(([, name, make]) => [`from-there/${name}`, make()] as const);
      for (const [repository, each] of pushed) await theirClient.pushImage(repository, each, 'v1');
      await reindex();
      for (const [repository, each] of pushed) {
        await expectPullable(ourClient, repository, 'v1', each);
        expect(await ourClient.tags(repository)).toEqual(['v1']);
      }
    });

    test('what is deleted or moved there is so here after reindex', async () => {
      const [first, second, removed] = [image(), image(), image()];
      await theirClient.pushImage('from-there/changed', first, 'moved');
      await theirClient.pushImage('from-there/changed', removed, 'removed');
      await reindex();
      await expectPullable(ourClient, 'from-there/changed', 'moved', first);
      await theirClient.pushImage('from-there/changed', second, 'moved');
      const path = `/v2/from-there/changed/manifests/${removed.manifest.digest}`;
      expect((await theirClient.delete(path)).status).toBe(202);
      await reindex();
      await expectPullable(ourClient, 'from-there/changed', 'moved', second);
      expect(await ourClient.tags('from-there/changed')).toEqual(['moved']);
      expect((await ourClient.get(path)).status).toBe(404);
    });

    test('an upload that was broken off there does no harm here', async () => {
      const location = await theirClient.startUpload('from-there/unfinished');
      await theirClient.sendChunk(location, Buffer.alloc(1000));
      await reindex();
      expect((await ourClient.get('/v2/from-there/unfinished/tags/list')).status).toBe(404);
    });

    test('both go on with the same repository in turns', async () => {
      const repository = 'shared/by-both';
      const pushed = [image(), image(), image()] as const;
      await theirClient.pushImage(repository, pushed[0], 'one');
      await reindex();
      await ourClient.pushImage(repository, pushed[1], 'two');
      await theirClient.pushImage(repository, pushed[2], 'three');
      await reindex();
      for (const client of [ourClient, theirClient]) {
        expect((await client.tags(repository)).sort()).toEqual(['one', 'three', 'two']);
        for (const [position, tag] of ['one', 'two', 'three'].entries()) {
          await expectPullable(client, repository, tag, pushed[position] as Image);
        }
      }
    });
  });

  test('an index that is lost is built again from storage at the next start', async () => {
    const pushed = multiArchitectureImage();
    await ourClient.pushImage('rebuilt/image', pushed, 'v1');
    ourClient.close();
    await ours.pause();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${ours.directory}/index.sqlite${suffix}`, { force: true });
    await ours.restart();
    ourClient = ours.client();
    await expectPullable(ourClient, 'rebuilt/image', 'v1', pushed);
  });
});
