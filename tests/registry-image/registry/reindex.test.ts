import { describe, expect, test } from '@jest/globals';
import type { MetadataStore } from '../../../registry-image/src/metadata/metadata-store.ts';
import type { RepositoryName, Tag } from '../../../registry-image/src/registry/reference.ts';
import { Reindexer } from '../../../registry-image/src/registry/reindex.ts';
import { MemoryDriver } from '../../../registry-image/src/storage/memory.ts';
import { memoryRegistry, pushBlob, pushImage } from '../../support/memory-registry.ts';
import { image, multiArchitectureImage, randomBlob } from '../../support/oci-image.ts';

const repository = 'group/project' as RepositoryName;
const latest = 'latest' as Tag;

describe('reindex', () => {
  test('brings back everything that was pushed', async () => {
    const registry = await memoryRegistry();
    const multi = multiArchitectureImage();
    await pushImage(registry, repository, multi, 'latest');
    await pushImage(registry, 'other', image({ format: 'docker' }), 'v1');
    const blob = await pushBlob(registry, 'other', randomBlob());

    const fresh = await memoryRegistry({ driver: registry.driver });
    const report = await new Reindexer(registry.driver, fresh.metadata).rebuild();
    expect(report).toMatchObject({ repositories: 2, manifests: multi.children.length + 2, tags: 2, skipped: [] });
    expect((await fresh.manifests.find(repository, { tag: latest })).digest).toBe(multi.manifest.digest);
    expect(await fresh.blobs.stat('other' as RepositoryName, blob)).toBeGreaterThan(0);
    expect((await fresh.catalog.list({ limit: 10 })).names).toEqual([repository, 'other']);
  });

  test('names what it cannot take and takes the rest', async () => {
    const driver = new MemoryDriver();
    const registry = await memoryRegistry({ driver });
    const digest = await pushImage(registry, repository, image(), 'latest');
    const base = 'docker/registry/v2/repositories/';
    const [algorithm, hex] = digest.split(':') as [string, string];
    await driver.write(
      `${base}${repository}/_manifests/tags/lost/current/link`,
      Buffer.from(`sha256:${'0'.repeat(64)}`),
    );
    await driver.write(`${base}BAD/_manifests/tags/x/current/link`, Buffer.from(digest));
    await driver.write(`${base}${repository}/_layers/md5/abc/link`, Buffer.from('md5:abc'));
    await driver.write(`docker/registry/v2/blobs/${algorithm}/${hex.slice(0, 2)}/${hex}/data`, Buffer.from('{"torn":'));

    const report = await new Reindexer(driver, registry.metadata).rebuild();
    expect(report.skipped.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('"BAD"'),
        'not a digest by the grammar',
        'the bytes do not match the digest',
        'the tag points at no manifest of the repository',
        'the tag points at no manifest of the repository',
      ]),
    );
    expect(report.skipped).toHaveLength(5);
    expect(report).toMatchObject({ manifests: 0, tags: 0 });
  });
});

/** Ends, as a crash does, at the n-th change of storage or index that a request makes; everything after it does not happen. */
/** Fails at one step, and with `forGood` at every later one too, as a process that has ended does. */
function crashingAt(step: number, forGood: boolean) {
  let left = step;
  return () => {
    left -= 1;
    if (left === -1 || (forGood && left < 0)) throw new Error('crash');
  };
}

function crashingDriver(step: () => void): MemoryDriver {
  const driver = new MemoryDriver();
  const { write, delete: remove } = driver;
  driver.write = async (key, bytes) => {
    step();
    return write.call(driver, key, bytes);
  };
  driver.delete = async (key) => {
    step();
    return remove.call(driver, key);
  };
  return driver;
}

function crashingIndex(metadata: MetadataStore, step: () => void): void {
  for (const method of ['putManifest', 'deleteManifest', 'deleteTag', 'linkBlob', 'unlinkBlob'] as const) {
    const original = metadata[method].bind(metadata) as (...args: unknown[]) => Promise<never>;
    metadata[method] = async (...args: unknown[]) => {
      step();
      return original(...args);
    };
  }
}

/** What a client can see of a repository. */
async function visible(registry: Awaited<ReturnType<typeof memoryRegistry>>) {
  const { names } = await registry.tags.list(repository, { limit: 100 });
  const tags = await Promise.all(
    names.map(
      async (name) => [name, (await registry.manifests.find(repository, { tag: name as Tag })).digest] as const,
    ),
  );
  return Object.fromEntries(tags);
}

describe('after a crash between any two steps', () => {
  const first = image({ layers: 1 });
  const second = image({ layers: 1 });

  const changes: [string, (registry: Awaited<ReturnType<typeof memoryRegistry>>) => Promise<unknown>][] = [
    ['pushing a new tag', (registry) => pushImage(registry, repository, second, 'new')],
    ['moving a tag', (registry) => pushImage(registry, repository, second, 'latest')],
    ['deleting a tag', (registry) => registry.tags.delete(repository, latest)],
    [
      'deleting a manifest',
      async (registry) =>
        registry.manifests.delete(repository, (await registry.manifests.find(repository, { tag: latest })).digest),
    ],
  ];

  const ends = [
    ['the process ends', true],
    ['one write fails', false],
  ] as const;
  const cases = changes.flatMap(([what, change]) =>
    ends.map(([end, forGood]) => [what, end, change, forGood] as const),
  );

  test.each(cases)('of %s, when %s, the index says what storage says', async (_what, _end, change, forGood) => {
    for (let crashAt = 0, crashed = true; crashed; crashAt += 1) {
      let step = () => {};
      const driver = crashingDriver(() => step());
      const registry = await memoryRegistry({ driver });
      crashingIndex(registry.metadata, () => step());
      await pushImage(registry, repository, first, 'latest');
      step = crashingAt(crashAt, forGood);
      crashed = await change(registry).then(
        () => false,
        (error: Error) => error.message === 'crash',
      );
      step = () => {};

      await registry.metadata.processes.bury(registry.metadata.processes.id);
      const leftBehind = await new Reindexer(driver, registry.metadata).reconcile();
      // What a living process could not finish, it has followed up itself.
      if (!forGood) expect(leftBehind).toBe(0);
      const fresh = await memoryRegistry({ driver });
      await new Reindexer(driver, fresh.metadata).rebuild();
      expect(await visible(registry)).toEqual(await visible(fresh));
      expect(await registry.metadata.intents.listAbandoned()).toEqual([]);
    }
  });
});
