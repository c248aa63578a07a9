import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { LeftUploads } from '../../../registry-image/src/registry/left-uploads.ts';
import type { RepositoryName } from '../../../registry-image/src/registry/reference.ts';
import { chunks, type MemoryRegistry, memoryRegistry, pushBlob } from '../../support/memory-registry.ts';
import { randomBlob } from '../../support/oci-image.ts';

const REPOSITORY = 'group/project';
const FUTURE = new Date(Date.now() + 60 * 60_000);
const PAST = new Date(Date.now() - 60 * 60_000);

describe('uploads that the index does not know', () => {
  let registry: MemoryRegistry;
  let left: LeftUploads;

  beforeEach(async () => {
    registry = await memoryRegistry();
    left = new LeftUploads(registry.driver, registry.metadata);
  });

  async function keys(): Promise<string[]> {
    const all: string[] = [];
    for await (const { key } of registry.driver.list('')) all.push(key);
    return all.sort();
  }

  test('are removed when nothing of them was written for long; nothing else is', async () => {
    await pushBlob(registry, REPOSITORY, randomBlob());
    const { id } = await registry.uploads.start(REPOSITORY as RepositoryName);
    await registry.uploads.append(REPOSITORY as RepositoryName, id, chunks('in progress'));
    await registry.driver.write('uploads/somebody-elses/data', Buffer.from('x'));
    const kept = await keys();

    const orphan = randomUUID();
    await registry.driver.write(`uploads/${orphan}/data`, Buffer.from('x'));
    await registry.driver.write('uploads/_doctor-82a947380aef/object', Buffer.from('x'));
    await registry.driver.write('uploads/_doctor-82a947380aef/upload/data', Buffer.from('x'));
    await registry.driver.write('uploads/_probe-82a947380aef/copied', Buffer.from('x'));
    const all = await keys();

    expect(await left.purge(PAST, { dryRun: false })).toEqual([]);
    expect(await left.purge(FUTURE, { dryRun: true })).toEqual([
      { id: orphan },
      { id: '_doctor-82a947380aef' },
      { id: '_probe-82a947380aef' },
    ]);
    expect(await keys()).toEqual(all);
    await left.purge(FUTURE, { dryRun: false });
    expect(await keys()).toEqual(kept);
    expect(await registry.uploads.status(REPOSITORY as RepositoryName, id)).toMatchObject({ size: 11 });
  });

  test('are also those of distribution, below each repository', async () => {
    await pushBlob(registry, REPOSITORY, randomBlob());
    const kept = await keys();
    const id = randomUUID();
    const directory = `docker/registry/v2/repositories/${REPOSITORY}/_uploads/${id}`;
    for (const name of ['startedat', 'data', 'hashstates/sha256/0']) {
      await registry.driver.write(`${directory}/${name}`, Buffer.from('x'));
    }
    expect(await left.purge(PAST, { dryRun: false })).toEqual([]);
    expect(await left.purge(FUTURE, { dryRun: false })).toEqual([{ id, repository: REPOSITORY }]);
    expect(await keys()).toEqual(kept);
  });
});
