import type { Config } from './config/schema.ts';
import { ownIndex } from './metadata/open-index.ts';
import { Reindexer, type ReindexReport } from './registry/reindex.ts';
import { openStorageDriver } from './storage/open-driver.ts';

/** Rebuilds the index from storage. The server must not run over the same storage meanwhile. */
export async function reindex(config: Config): Promise<ReindexReport> {
  const driver = await openStorageDriver(config.storage);
  try {
    const index = await ownIndex(config);
    try {
      return await new Reindexer(driver, index.metadata).rebuild();
    } finally {
      await index.close();
    }
  } finally {
    await driver.close();
  }
}
