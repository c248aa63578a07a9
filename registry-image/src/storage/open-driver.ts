import type { Config } from '../config/schema.ts';
import { CheckedDriver } from './checked-driver.ts';
import { FilesystemDriver } from './filesystem.ts';
import { MemoryDriver } from './memory.ts';
import type { StorageDriver } from './storage-driver.ts';

/** Opens the driver that the configuration chooses. @throws Error that says what to do when its place cannot be used */
export async function openStorageDriver(storage: Config['storage']): Promise<StorageDriver> {
  return new CheckedDriver(await openConfigured(storage));
}

async function openConfigured(storage: Config['storage']): Promise<StorageDriver> {
  const { filesystem, s3, gcs, azure, swift, oss } = storage;
  if (filesystem !== undefined) return FilesystemDriver.open(filesystem);
  if (s3 !== undefined) {
    // The SDK takes longer to load than the whole server; only those who use it wait for it.
    const { S3Driver } = await import('./s3.ts');
    return S3Driver.open(s3);
  }
  if (gcs !== undefined) {
    const { GcsDriver } = await import('./gcs.ts');
    return GcsDriver.open(gcs);
  }
  if (azure !== undefined) {
    const { AzureDriver } = await import('./azure.ts');
    return AzureDriver.open(azure);
  }
  if (swift !== undefined) {
    const { SwiftDriver } = await import('./swift.ts');
    return SwiftDriver.open(swift);
  }
  if (oss !== undefined) {
    const { openOssDriver } = await import('./oss.ts');
    return openOssDriver(oss);
  }
  return new MemoryDriver();
}
