import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { storageSchema } from '../../../registry-image/src/config/storage-schema.ts';
import { openStorageDriver } from '../../../registry-image/src/storage/open-driver.ts';
import { InvalidKeyError } from '../../../registry-image/src/storage/storage-key.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

describe('the storage section of the configuration', () => {
  let directory: TemporaryDirectory;

  beforeEach(() => {
    directory = temporaryDirectory('open-driver');
  });
  afterEach(() => directory.remove());

  test.each([
    ['filesystem', () => ({ filesystem: { rootdirectory: join(directory.path, 'new') } })],
    ['inmemory', () => ({ inmemory: {} })],
  ])('opens the %s driver, which checks its keys', async (name, section) => {
    const driver = await openStorageDriver(storageSchema.parse(section()));
    expect(driver.name).toBe(name);
    await driver.write('a/b', Buffer.from('x'));
    expect((await driver.stat('a/b')).size).toBe(1);
    await expect(driver.stat('../a')).rejects.toBeInstanceOf(InvalidKeyError);
    await driver.close();
  });
});
