import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { configSchema } from '../../../registry-image/src/config/schema.ts';
import { MetadataStore } from '../../../registry-image/src/metadata/metadata-store.ts';
import { openSqlite } from '../../../registry-image/src/metadata/sqlite.ts';
import type { Digest } from '../../../registry-image/src/registry/digest.ts';
import type { RepositoryName } from '../../../registry-image/src/registry/reference.ts';
import { createRegistry, type Registry } from '../../../registry-image/src/registry/registry.ts';
import { MemoryDriver } from '../../../registry-image/src/storage/memory.ts';
import type { ByteRange, ObjectReader } from '../../../registry-image/src/storage/storage-driver.ts';
import { chunks } from '../../support/memory-registry.ts';
import { digestOf } from '../../support/oci-image.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

const repository = 'group/project' as RepositoryName;
const digest = digestOf(Buffer.from('hello world')) as Digest;

/** Storage that several processes share, and that notes what of uploads is read back. */
class WatchedStorage extends MemoryDriver {
  readonly readBack: string[] = [];

  override async read(key: string, range?: ByteRange): Promise<ObjectReader> {
    if (key.startsWith('uploads/')) this.readBack.push(key);
    return super.read(key, range);
  }
}

describe('uploads at several processes', () => {
  let directory: TemporaryDirectory;
  let storage: WatchedStorage;
  let opened: MetadataStore[] = [];

  beforeEach(() => {
    directory = temporaryDirectory('uploads');
    storage = new WatchedStorage();
  });
  afterEach(async () => {
    for (const metadata of opened.splice(0)) await metadata.close();
    directory.remove();
  });

  async function startProcess(): Promise<Registry & { readonly metadata: MetadataStore }> {
    const metadata = await MetadataStore.open(openSqlite(`${directory.path}/index.sqlite`));
    opened = [...opened, metadata];
    const config = configSchema.parse({ version: 0.1, storage: { inmemory: {} } });
    return { ...createRegistry(storage, metadata, config), metadata };
  }

  /** Bytes that stop coming until `goOn`. */
  function stalled(before: string, after: string) {
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    async function* source() {
      yield Buffer.from(before);
      begin();
      await promise;
      yield Buffer.from(after);
    }
    return { source: source(), begun, goOn };
  }

  test('are finished by another process without reading them back, when one has received them all', async () => {
    const [first, second] = [await startProcess(), await startProcess()];
    const { id } = await first.uploads.start(repository);
    await first.uploads.append(repository, id, chunks('hello', ' world'));
    await second.uploads.finish(repository, id, digest, chunks());
    expect(storage.readBack).toEqual([]);
    expect(await first.blobs.stat(repository, digest)).toBe(11);
  });

  test('are read back when several have received parts of them', async () => {
    const [first, second] = [await startProcess(), await startProcess()];
    const { id } = await first.uploads.start(repository);
    await first.uploads.append(repository, id, chunks('hello'));
    await second.uploads.append(repository, id, chunks(' wor'));
    await first.uploads.finish(repository, id, digest, chunks('ld'));
    expect(storage.readBack).toHaveLength(1);
    expect(await second.blobs.stat(repository, digest)).toBe(11);
  });

  test('of a process that died at work are read back, and have the digest of what storage has', async () => {
    const [first, second] = [await startProcess(), await startProcess()];
    const { id } = await first.uploads.start(repository);
    await first.uploads.append(repository, id, chunks('hello'));
    const { source, begun } = stalled(' wo', 'never comes');
    void first.uploads.append(repository, id, source);
    await begun;
    await second.metadata.processes.bury(first.metadata.processes.id);
    expect((await second.uploads.status(repository, id)).size).toBe(8);
    await second.uploads.finish(repository, id, digest, chunks('rld'));
    expect(storage.readBack).toHaveLength(1);
    expect(await second.blobs.stat(repository, digest)).toBe(11);
  });

  test('wait for the request of another process, and see all of its bytes', async () => {
    const [first, second] = [await startProcess(), await startProcess()];
    const { id } = await first.uploads.start(repository);
    const { source, begun, goOn } = stalled('hello', ' wor');
    const appending = first.uploads.append(repository, id, source);
    await begun;
    const finishing = second.uploads.finish(repository, id, digest, chunks('ld'), { start: 9, end: 10 });
    setTimeout(goOn, 120);
    await appending;
    await finishing;
    expect(await second.blobs.stat(repository, digest)).toBe(11);
  });

  test('that another process has in hand are spared when abandoned ones are purged', async () => {
    const [first, second] = [await startProcess(), await startProcess()];
    const { id } = await first.uploads.start(repository);
    const abandoned = await first.uploads.start(repository);
    const { source, begun, goOn } = stalled('hello', ' world');
    const appending = first.uploads.append(repository, id, source);
    await begun;
    await new Promise((resolve) => setTimeout(resolve, 20));
    const purging = second.uploads.purge(new Date(), { dryRun: false });
    setTimeout(goOn, 120);
    await appending;
    expect((await purging).map((purged) => purged.id)).toEqual([abandoned.id]);
    await first.uploads.finish(repository, id, digest, chunks());
    expect(await second.blobs.stat(repository, digest)).toBe(11);
  });
});
