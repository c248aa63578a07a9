import type { Kysely } from 'kysely';
import type { IndexTables } from './schema.ts';
import type { Transaction } from './transaction.ts';

export type IndexBackend = 'sqlite' | 'postgresql';

export interface WriteOptions {
  /**
   * Whether the change must outlive a power cut when the promise resolves. What only coordinates running processes need not: it
   * outlives a crash of the process all the same.
   *
   * @default true
   */
  readonly durable?: boolean;
}

/** The database under the index. */
export interface IndexDatabase {
  readonly backend: IndexBackend;
  /** Builds queries in the dialect of the backend. */
  readonly queries: Kysely<IndexTables>;

  /** Runs queries that change nothing. */
  read<T>(work: Transaction<T>): Promise<T>;

  /** Runs queries as one transaction, undone when one of them fails or the work throws. @param work starts it; may be run again */
  write<T>(work: () => Transaction<T>, options?: WriteOptions): Promise<T>;

  close(): Promise<void>;
}
