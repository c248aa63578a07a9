import { describe, expect, test } from '@jest/globals';
import { configSchema } from '../../../registry-image/src/config/schema.ts';
import type { Digest } from '../../../registry-image/src/registry/digest.ts';
import type { RepositoryName } from '../../../registry-image/src/registry/reference.ts';
import { createRegistry } from '../../../registry-image/src/registry/registry.ts';
import { MemoryDriver } from '../../../registry-image/src/storage/memory.ts';
import type { StorageUpload } from '../../../registry-image/src/storage/storage-driver.ts';
import { chunks, memoryRegistry } from '../../support/memory-registry.ts';
import { digestOf } from '../../support/oci-image.ts';

const repository = 'group/project' as RepositoryName;
const digest = digestOf(Buffer.from('hello world')) as Digest;

async function keys(driver: MemoryDriver): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of driver.list('')) found.push(key);
  return found;
}

describe('an upload', () => {
  test('in chunks becomes a blob when its digest is right', async () => {
    const { uploads, blobs } = await memoryRegistry();
    const { id } = await uploads.start(repository);
    expect(await uploads.append(repository, id, chunks('hello'))).toEqual({ id, size: 5 });
    expect(await uploads.append(repository, id, chunks(' '), { start: 5, end: 5 })).toEqual({ id, size: 6 });
    await uploads.finish(repository, id, digest, chunks('world'));
    expect(await blobs.stat(repository, digest)).toBe(11);
    await expect(uploads.status(repository, id)).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
  });

  test('goes on where a broken connection has left it', async () => {
    const { uploads, blobs } = await memoryRegistry();
    const { id } = await uploads.start(repository);
    await expect(uploads.append(repository, id, chunks('hello', new Error('aborted')))).rejects.toThrow('aborted');
    expect(await uploads.status(repository, id)).toEqual({ id, size: 5 });
    await uploads.finish(repository, id, digest, chunks(' world'));
    expect(await blobs.stat(repository, digest)).toBe(11);
  });

  test('goes on in another process, which checks the digest of the whole', async () => {
    const first = await memoryRegistry();
    const { id } = await first.uploads.start(repository);
    await first.uploads.append(repository, id, chunks('hello'));
    const config = configSchema.parse({ version: 0.1, storage: { inmemory: {} } });
    const second = createRegistry(first.driver, first.metadata, config);
    await second.uploads.append(repository, id, chunks(' wor'));
    await second.uploads.finish(repository, id, digest, chunks('ld'));
    expect(await second.blobs.stat(repository, digest)).toBe(11);

    const other = await first.uploads.start(repository);
    await first.uploads.append(repository, other.id, chunks('jello'));
    await expect(second.uploads.finish(repository, other.id, digest, chunks(' world'))).rejects.toMatchObject({
      code: 'DIGEST_INVALID',
    });
  });

  test('may be finished by a digest of another algorithm than it was started with', async () => {
    const { uploads, blobs } = await memoryRegistry();
    const { id } = await uploads.start(repository);
    const sha512 = digestOf(Buffer.from('hello'), 'sha512') as Digest;
    await uploads.finish(repository, id, sha512, chunks('hello'));
    expect(await blobs.stat(repository, sha512)).toBe(5);
  });

  test('with a wrong digest leaves nothing behind', async () => {
    const driver = new MemoryDriver();
    const { uploads } = await memoryRegistry({ driver });
    const { id } = await uploads.start(repository);
    await expect(uploads.finish(repository, id, digest, chunks('other'))).rejects.toMatchObject({
      code: 'DIGEST_INVALID',
      detail: { expected: digest, received: digestOf(Buffer.from('other')) },
    });
    expect(await keys(driver)).toEqual([]);
  });

  test('refuses a chunk out of order and stays as it was', async () => {
    const { uploads } = await memoryRegistry();
    const { id } = await uploads.start(repository);
    await uploads.append(repository, id, chunks('hello'));
    const early = uploads.append(repository, id, chunks('x'), { start: 2, end: 2 });
    await expect(early).rejects.toMatchObject({ code: 'RANGE_INVALID' });
    const late = uploads.finish(repository, id, digest, chunks('x'), { start: 9, end: 9 });
    await expect(late).rejects.toMatchObject({ code: 'RANGE_INVALID' });
    expect(await uploads.status(repository, id)).toEqual({ id, size: 5 });
  });

  test('belongs to its repository', async () => {
    const { uploads } = await memoryRegistry();
    const { id } = await uploads.start(repository);
    const elsewhere = uploads.status('other' as RepositoryName, id);
    await expect(elsewhere).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
  });

  test('that two requests write to at once keeps every byte of one before the other', async () => {
    const { uploads } = await memoryRegistry();
    const { id } = await uploads.start(repository);
    await Promise.all([
      uploads.append(repository, id, chunks('aa', 'aa')),
      uploads.append(repository, id, chunks('bb', 'bb')),
    ]);
    const wanted = digestOf(Buffer.from('aaaabbbb')) as Digest;
    await uploads.finish(repository, id, wanted, chunks());
  });

  test('is right after a write that the storage failed in the middle of', async () => {
    const driver = new FailingOnce();
    const { uploads, blobs } = await memoryRegistry({ driver });
    const { id } = await uploads.start(repository);
    await uploads.append(repository, id, chunks('hello'));
    driver.failing = true;
    await expect(uploads.append(repository, id, chunks(' ', 'world'))).rejects.toThrow('disk full');
    const { size } = await uploads.status(repository, id);
    await uploads.finish(repository, id, digest, chunks('hello world'.slice(size)));
    expect(await blobs.stat(repository, digest)).toBe(11);
  });
});

describe('abandoned uploads', () => {
  test('are purged when nobody has touched them, and only then', async () => {
    const driver = new MemoryDriver();
    const { uploads } = await memoryRegistry({ driver });
    const { id } = await uploads.start(repository);
    await uploads.append(repository, id, chunks('hello'));
    const past = new Date(Date.now() - 60_000);
    const future = new Date(Date.now() + 60_000);
    expect(await uploads.purge(past, { dryRun: false })).toEqual([]);
    expect(await uploads.purge(future, { dryRun: true })).toMatchObject([{ id, repository }]);
    expect(await keys(driver)).not.toEqual([]);
    expect(await uploads.purge(future, { dryRun: false })).toMatchObject([{ id, repository }]);
    expect(await keys(driver)).toEqual([]);
  });
});

/** Loses the second chunk of an append, once. */
class FailingOnce extends MemoryDriver {
  failing = false;

  override async openUpload(key: string): Promise<StorageUpload> {
    const upload = await super.openUpload(key);
    const append = upload.append.bind(upload);
    upload.append = async (source) => {
      if (!this.failing) return append(source);
      this.failing = false;
      const iterator = source[Symbol.asyncIterator]();
      const first = await iterator.next();
      await append(chunks(first.value as Buffer));
      await iterator.next();
      throw new Error('disk full');
    };
    return upload;
  }
}
