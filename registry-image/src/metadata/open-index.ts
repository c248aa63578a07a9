import path from 'node:path';
import type { Config } from '../config/schema.ts';
import { MetadataStore } from './metadata-store.ts';

const DEFAULT_DIRECTORY = '/var/lib/registry';

/** The file of the embedded index: as configured, or `index/registry.sqlite` beside the filesystem driver's data. */
export function sqlitePath(config: Pick<Config, 'index' | 'storage'>): string {
  if (config.storage.inmemory !== undefined && config.index.sqlite === undefined) return ':memory:';
  const directory = config.storage.filesystem?.rootdirectory ?? DEFAULT_DIRECTORY;
  return config.index.sqlite?.path ?? path.join(directory, 'index', 'registry.sqlite');
}

/** Opens the index that the configuration names. The caller closes it. */
export async function openIndex(config: Pick<Config, 'index' | 'storage'>): Promise<MetadataStore> {
  if (config.index.postgresql !== undefined) {
    const { openPostgresql } = await import('./postgresql.ts');
    const { url, poolsize } = config.index.postgresql;
    return MetadataStore.open(openPostgresql(url, poolsize), 'postgresql');
  }
  const { openSqlite } = await import('./sqlite.ts');
  return MetadataStore.open(openSqlite(sqlitePath(config)), 'sqlite');
}
