import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';

/**
 * Keeps an SQLite index to one server and its processes. Two servers over one index would take each other's work for abandoned.
 *
 * The system lets go of the lock when the process ends, however it ends. It is on a file of its own: the index itself is shared by
 * the processes of the server.
 *
 * @param file the index
 * @returns lets go of it
 * @throws Error that says what to do when another server has it
 */
export function ownSqlite(file: string): () => void {
  mkdirSync(path.dirname(file), { recursive: true });
  const lock = new Database(`${file}.owner`);
  try {
    lock.exec('begin exclusive');
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
    throw new Error(
      `${file} is in use by another server; stop that first, or set index.postgresql for several servers over one storage`,
      { cause: error },
    );
  }
  return () => lock.close();
}
