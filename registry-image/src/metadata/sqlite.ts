import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { type CompiledQuery, Kysely, SqliteDialect } from 'kysely';
import { LRUCache } from 'lru-cache';
import type { IndexDatabase, WriteOptions } from './index-database.ts';
import type { IndexTables } from './schema.ts';
import type { QueryAnswer, Transaction } from './transaction.ts';

/** How long a writer waits for another process's transaction. */
const BUSY_TIMEOUT_MS = 5_000;

/** Statements kept ready; those with lists have a text for each length. */
const MAX_STATEMENTS = 500;

interface PendingWrite {
  readonly work: () => Transaction<unknown>;
  readonly durable: boolean;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * The index in one file, or in memory for `:memory:`. A durable commit is on the disk when it returns: what is acknowledged to a
 * client outlives a power cut.
 */
export function openSqlite(file: string): SqliteIndex {
  // better-sqlite3 13 needs Node-API 10 and crashes the process without it.
  if (Number(process.versions.napi) < 10) {
    throw new Error(`Node ${process.version} is too old for the SQLite index; use Node 22.19 or later`);
  }
  if (file !== ':memory:') mkdirSync(path.dirname(file), { recursive: true });
  const database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  return new SqliteIndex(database);
}

/**
 * Runs each transaction without giving way in between. Those that are asked for in the same turn of the event loop share one commit,
 * since writing to the disk is most of what a commit costs; each fails alone.
 */
export class SqliteIndex implements IndexDatabase {
  readonly backend = 'sqlite';
  readonly queries: Kysely<IndexTables>;
  readonly #database: Database.Database;
  readonly #statements = new LRUCache<string, Database.Statement>({ max: MAX_STATEMENTS });
  #pending: PendingWrite[] = [];
  #isDurable = true;
  #isReading = false;

  constructor(database: Database.Database) {
    this.#database = database;
    this.queries = new Kysely<IndexTables>({ dialect: new SqliteDialect({ database }) });
  }

  /**
   * Reads of one turn of the event loop see the index as it was at the first of them: taking and leaving the shared lock costs as
   * much as a lookup. A request that came later is answered in a later turn.
   */
  async read<T>(work: Transaction<T>): Promise<T> {
    if (!this.#isReading) {
      this.#execute('begin');
      this.#isReading = true;
      setImmediate(() => this.#endReading());
    }
    return this.#run(work);
  }

  write<T>(work: () => Transaction<T>, { durable = true }: WriteOptions = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#pending.length === 0) setImmediate(() => this.#writePending());
      this.#pending.push({ work, durable, resolve: resolve as (result: unknown) => void, reject });
    });
  }

  async close(): Promise<void> {
    this.#endReading();
    if (this.#pending.length > 0) this.#writePending();
    await this.queries.destroy();
  }

  #endReading(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#execute('commit');
  }

  #writePending(): void {
    const writes = this.#pending;
    this.#pending = [];
    this.#endReading();
    try {
      this.#setDurable(writes.some(({ durable }) => durable));
      // At once for writing: a transaction that reads first and writes later would fail with SQLITE_BUSY instead of waiting.
      this.#execute('begin immediate');
      const [only] = writes;
      const outcomes =
        writes.length === 1 && only ? [this.#runOnly(only)] : writes.map((write) => this.#attempt(write));
      this.#execute('commit');
      for (const settle of outcomes) settle();
    } catch (error) {
      if (this.#database.inTransaction) this.#execute('rollback');
      for (const { reject } of writes) reject(error);
    }
  }

  /** Runs a write that has the transaction to itself. */
  #runOnly({ work, resolve }: PendingWrite): () => void {
    const result = this.#run(work());
    return () => resolve(result);
  }

  /** Runs one of several writes; returns what is to be done when all are committed. */
  #attempt({ work, resolve, reject }: PendingWrite): () => void {
    this.#execute('savepoint one_write');
    try {
      const result = this.#run(work());
      this.#execute('release one_write');
      return () => resolve(result);
    } catch (error) {
      // Some failures, such as a full disk, have ended the whole transaction already.
      if (!this.#database.inTransaction) throw error;
      this.#execute('rollback to one_write');
      this.#execute('release one_write');
      return () => reject(error);
    }
  }

  #setDurable(durable: boolean): void {
    if (durable === this.#isDurable) return;
    this.#database.pragma(`synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
    this.#isDurable = durable;
  }

  #run<T>(work: Transaction<T>): T {
    let step = work.next();
    while (step.done !== true) {
      let answer: QueryAnswer;
      try {
        answer = this.#query(step.value);
      } catch (error) {
        step = work.throw(error);
        continue;
      }
      step = work.next(answer);
    }
    return step.value;
  }

  #query({ sql, parameters }: CompiledQuery): QueryAnswer {
    const statement = this.#statement(sql);
    if (statement.reader) return { rows: statement.all(parameters), changes: 0 };
    return { rows: [], changes: statement.run(parameters).changes };
  }

  #execute(sql: string): void {
    this.#statement(sql).run();
  }

  #statement(sql: string): Database.Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
