import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ManifestRow } from '../../../registry-image/src/metadata/manifest-row.ts';
import { MetadataStore } from '../../../registry-image/src/metadata/metadata-store.ts';
import { openPostgresql } from '../../../registry-image/src/metadata/postgresql.ts';
import { openSqlite } from '../../../registry-image/src/metadata/sqlite.ts';
import { startPostgres } from '../../support/postgres.ts';
import { describeWith } from '../../support/requirements.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const digest = (n: number) => `sha256:${String(n).padStart(64, '0')}`;
const none = { blobs: [], manifests: [] };

function manifest(n: number, more: Partial<ManifestRow> = {}): ManifestRow {
  return {
    digest: digest(n),
    mediaType: 'm',
    size: n,
    artifactType: undefined,
    subject: undefined,
    annotations: undefined,
    ...more,
  };
}

/** One promise for both backends: `open` gives the same index each time. */
function describeIndex(
  name: string,
  tools: Parameters<typeof describeWith>[0],
  start: () => Promise<{ open(): Promise<MetadataStore>; stop(): Promise<void> }>,
) {
  describeWith(tools, name, () => {
    let backend: Awaited<ReturnType<typeof start>>;
    let index: MetadataStore;
    let sequence = 0;
    const repository = () => `repository-${sequence++}`;

    beforeAll(async () => {
      backend = await start();
      index = await backend.open();
    });

    afterAll(async () => {
      await index.close();
      await backend.stop();
    });

    test('keeps what it was told when it is opened again', async () => {
      const name = repository();
      await index.linkBlob(name, { digest: digest(1), size: 2 ** 40 }, { intents: [] });
      const again = await backend.open();
      expect(await again.findBlob(name, digest(1))).toBe(2 ** 40);
      await again.close();
    });

    test('links a blob once, however often it is pushed', async () => {
      const name = repository();
      await Promise.all([1, 2, 3, 4].map(() => index.linkBlob(name, { digest: digest(2), size: 7 }, { intents: [] })));
      expect(await index.listRepositoriesWithBlob(digest(2), 10)).toEqual([name]);
    });

    test('says which references of a manifest a repository does not have', async () => {
      const name = repository();
      const wanted = { blobs: [digest(3), digest(5)], manifests: [digest(4)] };
      expect(await index.missingReferences(name, wanted)).toEqual([digest(3), digest(5), digest(4)]);
      await index.linkBlob(name, { digest: digest(3), size: 1 }, { intents: [] });
      expect(await index.missingReferences(name, wanted)).toEqual([digest(5), digest(4)]);
      expect(await index.missingReferences(name, { blobs: [digest(3)], manifests: [] })).toEqual([]);
    });

    test('pages through tags in the order of their bytes', async () => {
      const name = repository();
      for (const tag of ['b', 'B', '_x', 'a', '1.10', '1.9', 'a-b', 'a.b', 'ab']) {
        await index.putManifest(name, manifest(6), { references: none, tags: [tag] }, { intents: [] });
      }
      const all = ['1.10', '1.9', 'B', '_x', 'a', 'a-b', 'a.b', 'ab', 'b'];
      expect(await index.listTags(name, { limit: 100 })).toEqual(all);
      expect(await index.listTags(name, { limit: 2, after: 'B' })).toEqual(['_x', 'a']);
      expect(await index.listTags(name, { limit: 2, after: 'C' })).toEqual(['_x', 'a']);
      expect(await index.listTags(name, { limit: 0 })).toEqual([]);
    });

    test('takes the tags away with their manifest', async () => {
      const name = repository();
      for (const tag of ['one', 'two']) {
        const change = { references: { blobs: [digest(8)], manifests: [] }, tags: [tag] };
        await index.putManifest(name, manifest(7), change, { intents: [] });
      }
      await index.deleteManifest(name, digest(7), { intents: [] });
      expect(await index.listTags(name, { limit: 10 })).toEqual([]);
      expect(await index.findTaggedManifest(name, 'one')).toBeUndefined();
    });

    test('lists referrers with what they say of themselves', async () => {
      const name = repository();
      const row = manifest(9, { subject: digest(10), artifactType: 'application/sbom', annotations: { a: 'ä' } });
      await index.putManifest(name, row, { references: none, tags: [] }, { intents: [] });
      expect(await index.listReferrers(name, digest(10))).toEqual([row]);
    });

    test('fulfils an intent with the change that it announced', async () => {
      const name = repository();
      const thing = { repository: name, kind: 'blob', key: digest(11) } as const;
      const ids = (await index.intents.declare([thing])) as string[];
      expect(await index.intents.find(ids)).toHaveLength(1);
      await index.linkBlob(name, { digest: digest(11), size: 1 }, { intents: ids });
      expect(await index.intents.find(ids)).toEqual([]);
    });

    test('is emptied of what storage can give back, and keeps uploads in progress', async () => {
      const name = repository();
      await index.linkBlob(name, { digest: digest(12), size: 1 }, { intents: [] });
      await index.uploads.add({ id: 'u', repository: name, algorithm: 'sha256' }, { busy: false });
      await index.markBuilt();
      await index.clear();
      expect(await index.isBuilt()).toBe(false);
      expect(await index.listRepositories({ limit: 10 })).toEqual([]);
      expect(await index.uploads.claim(name, 'u')).toMatchObject({ id: 'u' });
      expect(await index.uploads.listIdle(Date.now() + 1)).toHaveLength(1);
    });
  });
}

describeIndex('the index in SQLite', [], async () => {
  const directory = temporaryDirectory('sqlite-index');
  return {
    open: () => MetadataStore.open(openSqlite(`${directory.path}/index/registry.sqlite`)),
    stop: async () => directory.remove(),
  };
});

describeIndex('the index in PostgreSQL', ['postgres'], async () => {
  const server = await startPostgres();
  return {
    open: () => MetadataStore.open(openPostgresql(server.url, 4)),
    stop: () => server.stop(),
  };
});
