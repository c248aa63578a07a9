import { describe, expect, test } from '@jest/globals';
import { CheckedDriver, StorageError } from '../../../registry-image/src/storage/checked-driver.ts';
import { MemoryDriver } from '../../../registry-image/src/storage/memory.ts';
import { InvalidKeyError } from '../../../registry-image/src/storage/storage-key.ts';

describe('the checked driver', () => {
  test('labels a failure with driver, operation and key, and keeps its cause', async () => {
    const cause = new Error('disk on fire');
    const driver = new CheckedDriver(
      Object.assign(new MemoryDriver(), { write: () => Promise.reject(cause), list: () => failingList(cause) }),
    );
    const error: unknown = await driver.write('a/b', Buffer.from('x')).catch((failure) => failure);
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({
      message: 'storage driver inmemory could not write a/b: disk on fire',
      driver: 'inmemory',
      operation: 'write',
      key: 'a/b',
      cause,
    });
    await expect(async () => {
      for await (const _entry of driver.list('')) break;
    }).rejects.toThrow('storage driver inmemory could not list the root: disk on fire');
  });

  test('hands on the failure of a source as it is, so that a client that went away is told apart from a broken disk', async () => {
    const upload = await new CheckedDriver(new MemoryDriver()).openUpload('uploads/1/data');
    const failure = new Error('client went away');
    await expect(upload.append(failingList(failure))).rejects.toBe(failure);
  });

  test('has signed URLs only when the driver has them', async () => {
    expect(new CheckedDriver(new MemoryDriver()).redirectUrl).toBeUndefined();
    const signing = Object.assign(new MemoryDriver(), {
      redirectUrl: async (key: string) => new URL(`https://x/${key}`),
    });
    const url = await new CheckedDriver(signing).redirectUrl?.('a', { method: 'GET', expiresIn: 1000 });
    expect(url?.href).toBe('https://x/a');
  });

  test('has the paths of files only when the driver has them, and of keys of the layout alone', async () => {
    expect(new CheckedDriver(new MemoryDriver()).filePath).toBeUndefined();
    const files = new CheckedDriver(
      Object.assign(new MemoryDriver(), { filePath: async (key: string) => `at/${key}` }),
    );
    expect(await files.filePath?.('a')).toBe('at/a');
    await expect(files.filePath?.('../a')).rejects.toThrow(InvalidKeyError);
  });

  test('says where the objects are and which rights each operation needs, as the driver does', () => {
    const permissions = { write: ['s3:PutObject'] };
    const known = new CheckedDriver(Object.assign(new MemoryDriver(), { resource: 's3://bucket/', permissions }));
    expect(known).toMatchObject({ resource: 's3://bucket/', permissions });
    expect(new CheckedDriver(new MemoryDriver()).resource).toBeUndefined();
  });
});

// biome-ignore lint/correctness/useYield: a list or a source that fails before its first entry
async function* failingList(failure: Error): AsyncGenerator<never> {
  throw failure;
}
