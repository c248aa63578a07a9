import path from 'node:path';
import type { Config } from '../config/schema.ts';
import { MetadataStore } from './metadata-store.ts';

const DEFAULT_DIRECTORY = '/var/lib/registry';

type IndexSettings = Pick<Config, 'index' | 'storage'>;

/** The file of the embedded index: as configured, or `index/registry.sqlite` beside the filesystem driver's data. */
export function sqlitePath(config: IndexSettings): string {
  if (isInMemory(config)) return ':memory:';
  const directory = config.storage.filesystem?.rootdirectory ?? DEFAULT_DIRECTORY;
  return config.index.sqlite?.path ?? path.join(directory, 'index', 'registry.sqlite');
}

/** Whether the index is in the memory of one process. */
export function isInMemory({ index, storage }: IndexSettings): boolean {
  return index.postgresql === undefined && index.sqlite === undefined && storage.inmemory !== undefined;
}

/** Opens the index that the configuration names. The caller closes it. */
async function openIndex(config: IndexSettings): Promise<MetadataStore> {
  if (config.index.postgresql !== undefined) {
    const { openPostgresql } = await import('./postgresql.ts');
    const { url, poolsize } = config.index.postgresql;
    return MetadataStore.open(openPostgresql(url, poolsize));
  }
  const { openSqlite } = await import('./sqlite.ts');
  return MetadataStore.open(openSqlite(sqlitePath(config)));
}

export interface HeldIndex {
  readonly metadata: MetadataStore;
  close(): Promise<void>;
}

/** Opens the index for a further process of the server that has it. */
export async function joinIndex(config: IndexSettings): Promise<HeldIndex> {
  if (config.index.postgresql !== undefined || isInMemory(config)) return held(await openIndex(config));
  const { joinSqlite } = await import('./sqlite-owner.ts');
  const leave = joinSqlite(sqlitePath(config));
  try {
    return held(await openIndex(config), leave);
  } catch (error) {
    leave();
    throw error;
  }
}

/**
 * Opens the index for the first process of a server, or for a command that works on the whole of it.
 *
 * @throws Error when it is in SQLite and another server has it
 */
export async function ownIndex(config: IndexSettings): Promise<HeldIndex> {
  if (config.index.postgresql !== undefined || isInMemory(config)) return held(await openIndex(config));
  const { openSqlite } = await import('./sqlite.ts');
  const { ownSqlite } = await import('./sqlite-owner.ts');
  const file = sqlitePath(config);
  const disown = ownSqlite(file);
  try {
    return held(await MetadataStore.open(openSqlite(file), { alone: true }), disown);
  } catch (error) {
    disown();
    throw error;
  }
}

function held(metadata: MetadataStore, letGo: () => void = () => {}): HeldIndex {
  return { metadata, close: () => metadata.close().finally(letGo) };
}
