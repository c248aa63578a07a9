import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { CompiledQuery, type DatabaseConnection, type Driver, SqliteDialect, SqliteDriver } from 'kysely';

/** How long a writer waits for another process's transaction. */
const BUSY_TIMEOUT_MS = 5_000;

/** Takes the write lock at once: a transaction that reads first and writes later would fail with SQLITE_BUSY instead of waiting. */
class ImmediateSqliteDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
}

class ImmediateSqliteDialect extends SqliteDialect {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    super({ database });
    this.#database = database;
  }

  override createDriver(): Driver {
    return new ImmediateSqliteDriver({ database: this.#database });
  }
}

/**
 * The index in one file, or in memory for `:memory:`. A commit is on the disk when it returns: what is acknowledged to a client
 * outlives a power cut.
 */
export function openSqlite(file: string): SqliteDialect {
  // better-sqlite3 13 needs Node-API 10 and crashes the process without it.
  if (Number(process.versions.napi) < 10) {
    throw new Error(`Node ${process.version} is too old for the SQLite index; use Node 22.19 or later`);
  }
  if (file !== ':memory:') mkdirSync(path.dirname(file), { recursive: true });
  const database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  return new ImmediateSqliteDialect(database);
}
