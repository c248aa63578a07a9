import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';

/** How long to wait for a server that is just ending. */
const OWNER_PATIENCE_MS = 1_000;

/** How long to wait for the further processes of one that was killed: they end a moment after it, or after one write at most. */
const MEMBERS_PATIENCE_MS = 10_000;

/**
 * Keeps an SQLite index to one server and its processes. Two servers over one index would take each other's work for abandoned.
 *
 * The system lets go of the locks when a process ends, however it ends. They are on files of their own, `.owner` and `.members`: the
 * index itself is shared by the processes of the server.
 *
 * @param file the index
 * @returns lets go of it
 * @throws Error that says what to do when another server has it
 */
export function ownSqlite(file: string): () => void {
  mkdirSync(path.dirname(file), { recursive: true });
  const disown = lock(`${file}.owner`, 'exclusive', OWNER_PATIENCE_MS);
  if (disown === undefined) {
    throw new Error(
      `${file} is in use by another server; stop that first, or set index.postgresql for several servers over one storage`,
    );
  }
  const release = lock(membersOf(file), 'exclusive', MEMBERS_PATIENCE_MS);
  if (release === undefined) {
    disown();
    throw new Error(`${file} is still in use by processes of a server that has ended; end them, then try again`);
  }
  release();
  return disown;
}

/**
 * Counts a further process of the server among those that use its index.
 *
 * @returns ends that
 */
export function joinSqlite(file: string): () => void {
  const leave = lock(membersOf(file), 'shared', MEMBERS_PATIENCE_MS);
  if (leave === undefined) throw new Error(`${file} is being taken over by another server`);
  return leave;
}

function membersOf(file: string): string {
  return `${file}.members`;
}

/** @returns lets go of the lock; `undefined` when others have not let go of theirs in time */
function lock(file: string, kind: 'exclusive' | 'shared', patienceMs: number): (() => void) | undefined {
  const database = new Database(file, { timeout: patienceMs });
  try {
    database.exec(kind === 'exclusive' ? 'begin exclusive' : 'begin; select count(*) from sqlite_schema');
    return () => database.close();
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
    return undefined;
  }
}
