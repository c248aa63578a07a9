import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from './config/schema.ts';
import type { MetadataStore } from './metadata/metadata-store.ts';
import { ownIndex } from './metadata/open-index.ts';
import { ALIVE_MS } from './metadata/processes.ts';
import { Reindexer, type ReindexReport } from './registry/reindex.ts';
import { openStorageDriver } from './storage/open-driver.ts';

const PAUSE_MS = 250;

/** Rebuilds the index from storage. @throws Error when a server uses it, which would go on with what it remembers of the old one */
export async function reindex(config: Config): Promise<ReindexReport> {
  const driver = await openStorageDriver(config.storage);
  try {
    const index = await ownIndex(config);
    try {
      await claimAlone(index.metadata);
      return await new Reindexer(driver, index.metadata).rebuild();
    } finally {
      await index.close();
    }
  } finally {
    await driver.close();
  }
}

/** Waits for as long as a server that was killed counts as alive. */
async function claimAlone(metadata: MetadataStore): Promise<void> {
  const deadline = Date.now() + 1.2 * ALIVE_MS;
  while (!(await metadata.claimBuilding({ alone: true }))) {
    if (Date.now() > deadline) throw new Error('the index is in use by a server; stop all servers that use it first');
    await sleep(PAUSE_MS);
  }
}
