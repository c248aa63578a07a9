import type { Config } from '../config/schema.ts';
import { CheckedDriver } from './checked-driver.ts';
import { FilesystemDriver } from './filesystem.ts';
import { MemoryDriver } from './memory.ts';
import type { StorageDriver } from './storage-driver.ts';

/** Opens the driver that the configuration chooses. @throws Error that says what to do when its place cannot be used */
export async function openStorageDriver(storage: Config['storage']): Promise<StorageDriver> {
  if (storage.filesystem !== undefined) return new CheckedDriver(await FilesystemDriver.open(storage.filesystem));
  return new CheckedDriver(new MemoryDriver());
}
