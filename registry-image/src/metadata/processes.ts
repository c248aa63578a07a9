import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { IndexBackend, IndexDatabase } from './index-database.ts';
import { rowsOf, run, type Transaction } from './transaction.ts';

/** How long a process counts as alive after it has last said so. */
export const ALIVE_MS = 15_000;
const BEAT_MS = 5_000;

/**
 * The processes that work on this index, on one machine or on many. What a process has claimed, an upload or a change of storage,
 * is its own for as long as it is alive: it says so every few seconds, and what a dead one has left may be taken over.
 */
export class Processes {
  /** This process. */
  readonly id = randomUUID();
  readonly #database: IndexDatabase;
  #timer: NodeJS.Timeout | undefined;

  constructor(database: IndexDatabase) {
    this.#database = database;
  }

  /** Counts this process in. @param alone no other process uses the index: what others have left is free at once */
  async join(alone: boolean): Promise<void> {
    if (alone) await this.#database.write(() => run(this.#database.queries.deleteFrom('processes')));
    await this.beat();
    // One beat that fails is followed by others; a database that is gone for longer fails every request anyway.
    this.#timer = setInterval(() => void this.beat().catch(() => {}), BEAT_MS);
    this.#timer.unref();
  }

  async leave(): Promise<void> {
    clearInterval(this.#timer);
    await this.bury(this.id).catch(() => {});
  }

  /** Counts a process out that is known to have ended. */
  async bury(id: string): Promise<void> {
    const { queries } = this.#database;
    await this.#database.write(() => run(queries.deleteFrom('processes').where('id', '=', id)), { durable: false });
  }

  /** Says that this process is alive. */
  async beat(): Promise<void> {
    const { backend, queries } = this.#database;
    const alive_until = sql<number>`${databaseNow(backend)} + ${ALIVE_MS}`;
    await this.#database.write(
      () =>
        run(
          queries
            .insertInto('processes')
            .values({ id: this.id, alive_until })
            .onConflict((conflict) => conflict.column('id').doUpdateSet({ alive_until })),
        ),
      { durable: false },
    );
  }
}

/** Ids of the processes that are alive. */
export function* livingProcesses({ backend, queries }: IndexDatabase): Transaction<Set<string>> {
  const rows = yield* rowsOf(
    queries.selectFrom('processes').select('id').where('alive_until', '>', databaseNow(backend)),
  );
  return new Set(rows.map(({ id }) => id));
}

/** Milliseconds since 1970 by the clock of the database, which all processes have in common. */
function databaseNow(backend: IndexBackend) {
  return backend === 'postgresql'
    ? sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`
    : sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
}
