import { describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../registry-image/src/registry/digest.ts';
import type { RepositoryName } from '../../../registry-image/src/registry/reference.ts';
import { memoryRegistry, pushBlob } from '../../support/memory-registry.ts';
import { randomBlob } from '../../support/oci-image.ts';

const source = 'team/source' as RepositoryName;
const target = 'team/target' as RepositoryName;
const everything = () => true;

describe('a blob', () => {
  test('is served to the repository that has it and to no other', async () => {
    const registry = await memoryRegistry();
    const blob = randomBlob();
    await pushBlob(registry, source, blob);
    expect(await registry.blobs.stat(source, blob.digest as Digest)).toBe(blob.bytes.length);
    await expect(registry.blobs.stat(target, blob.digest as Digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  test('is gone from its repository at once when it is deleted, and stays in others', async () => {
    const registry = await memoryRegistry();
    const digest = await pushBlob(registry, source, randomBlob());
    await registry.blobs.mount(target, digest, source, everything);
    await registry.blobs.delete(source, digest);
    await expect(registry.blobs.stat(source, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    expect(await registry.blobs.stat(target, digest)).toBeGreaterThan(0);
    await expect(registry.blobs.delete(source, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });
});

describe('a mount', () => {
  test('takes a blob from the repository that it names', async () => {
    const registry = await memoryRegistry();
    const digest = await pushBlob(registry, source, randomBlob());
    expect(await registry.blobs.mount(target, digest, source, everything)).toBe(true);
    expect(await registry.blobs.stat(target, digest)).toBeGreaterThan(0);
  });

  test('without a source takes it from any repository that may be pulled', async () => {
    const registry = await memoryRegistry();
    const digest = await pushBlob(registry, source, randomBlob());
    expect(await registry.blobs.mount(target, digest, undefined, (name) => name === source)).toBe(true);
  });

  test('needs pull on the source, with and without a name', async () => {
    const registry = await memoryRegistry();
    const digest = await pushBlob(registry, source, randomBlob());
    const onlyTarget = (name: string) => name === target;
    expect(await registry.blobs.mount(target, digest, source, onlyTarget)).toBe(false);
    expect(await registry.blobs.mount(target, digest, undefined, onlyTarget)).toBe(false);
    await expect(registry.blobs.stat(target, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  test('of what the source does not have does nothing', async () => {
    const registry = await memoryRegistry();
    const digest = randomBlob().digest as Digest;
    expect(await registry.blobs.mount(target, digest, source, everything)).toBe(false);
    expect(await registry.metadata.hasRepository(target)).toBe(false);
  });
});
