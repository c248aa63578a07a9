import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { IndexTables } from './schema.ts';

export type Intent = Pick<IndexTables['intents'], 'repository' | 'kind' | 'key'>;

/**
 * What is about to change in storage. An intent is declared before storage is touched and struck in the transaction in which the
 * index follows: one that is still there when a process starts names a thing that storage and index may disagree on.
 */
export class Intents {
  readonly #db: Kysely<IndexTables>;

  constructor(db: Kysely<IndexTables>) {
    this.#db = db;
  }

  /** Returns the ids, for the change of the index that strikes them. */
  async declare(intents: readonly Intent[]): Promise<string[]> {
    const created_at = Date.now();
    const rows = intents.map((intent) => ({ id: randomUUID(), ...intent, created_at }));
    await this.#db.insertInto('intents').values(rows).execute();
    return rows.map(({ id }) => id);
  }

  /** Oldest first. */
  async list(): Promise<IndexTables['intents'][]> {
    return this.#db.selectFrom('intents').selectAll().orderBy('created_at').execute();
  }
}

export async function strikeIntents(db: Kysely<IndexTables>, ids: readonly string[]): Promise<void> {
  if (ids.length > 0)
    await db
      .deleteFrom('intents')
      .where('id', 'in', [...ids])
      .execute();
}
