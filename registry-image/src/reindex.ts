import type { Config } from './config/schema.ts';
import { openIndex } from './metadata/open-index.ts';
import { Reindexer, type ReindexReport } from './registry/reindex.ts';
import { openStorageDriver } from './storage/open-driver.ts';

/** Rebuilds the index from storage. The server must not run over the same storage meanwhile. */
export async function reindex(config: Config): Promise<ReindexReport> {
  const driver = await openStorageDriver(config.storage);
  try {
    const metadata = await openIndex(config);
    try {
      return await new Reindexer(driver, metadata).rebuild();
    } finally {
      await metadata.close();
    }
  } finally {
    await driver.close();
  }
}
