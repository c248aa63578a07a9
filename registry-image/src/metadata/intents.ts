import { randomUUID } from 'node:crypto';
import type { IndexDatabase } from './index-database.ts';
import { livingProcesses, type Processes } from './processes.ts';
import type { IndexTables } from './schema.ts';
import { rowsOf, run, type Transaction } from './transaction.ts';

export type IntentRow = IndexTables['intents'];
export type Intent = Pick<IntentRow, 'repository' | 'kind' | 'key'>;

/** Intents that stand in the way of a new one. */
export interface Conflicts {
  /** Of processes that are at work: to be waited for. */
  readonly underWay: readonly IntentRow[];
  /** Of processes that have ended, or of this one's own changes that failed half way: to be followed up. */
  readonly abandoned: readonly IntentRow[];
}

/** A change whose intent is gone: another process took this one for dead and followed the change up itself. */
export class IntentLostError extends Error {
  constructor() {
    super('another process has taken this change over, because this one seemed dead; the request may be sent again');
    this.name = 'IntentLostError';
  }
}

/**
 * What is about to change in storage. An intent is declared before storage is touched and struck in the transaction in which the
 * index follows. Nothing has two intents at a time, whichever process declared them, so an intent is a lock as well; one whose
 * process has died names a thing that storage and index may disagree on.
 */
export class Intents {
  readonly #database: IndexDatabase;
  readonly #processes: Processes;

  constructor(database: IndexDatabase, processes: Processes) {
    this.#database = database;
    this.#processes = processes;
  }

  /** Declares all of the intents, or none where one is in the way. Returns their ids, for the change of the index that strikes them. */
  async declare(intents: readonly Intent[]): Promise<string[] | Conflicts> {
    const rows = this.#newRows(intents);
    return this.#database.write(() => this.#declare(rows));
  }

  *#declare(rows: readonly IntentRow[]): Transaction<string[] | Conflicts> {
    const { queries } = this.#database;
    const inserted = yield* run(
      queries
        .insertInto('intents')
        .values([...rows])
        .onConflict((conflict) => conflict.columns(['repository', 'kind', 'key']).doNothing()),
    );
    if (inserted === rows.length) return rows.map(({ id }) => id);
    yield* run(
      queries.deleteFrom('intents').where(
        'id',
        'in',
        rows.map(({ id }) => id),
      ),
    );
    const repositories = [...new Set(rows.map(({ repository }) => repository))];
    const present = yield* rowsOf(queries.selectFrom('intents').selectAll().where('repository', 'in', repositories));
    const living = yield* livingProcesses(this.#database);
    const inTheWay = present.filter((row) => rows.some((wanted) => isSame(wanted, row)));
    const isUnderWay = ({ holder }: IntentRow) => living.has(holder) && holder !== this.#processes.id;
    return {
      underWay: inTheWay.filter(isUnderWay),
      abandoned: inTheWay.filter((row) => !isUnderWay(row)),
    };
  }

  /** Takes intents back whose change has not touched storage. */
  async withdraw(ids: readonly string[]): Promise<void> {
    await this.#database.write(() => strikeIntents(this.#database, ids), { durable: false });
  }

  /** Those among the ids that are still there. */
  async find(ids: readonly string[]): Promise<IntentRow[]> {
    const { queries } = this.#database;
    return this.#database.read(
      rowsOf(
        queries
          .selectFrom('intents')
          .selectAll()
          .where('id', 'in', [...ids]),
      ),
    );
  }

  /** Intents of processes that have ended, oldest first. */
  async listAbandoned(): Promise<IntentRow[]> {
    return this.#database.read(this.#listAbandoned());
  }

  *#listAbandoned(): Transaction<IntentRow[]> {
    const living = yield* livingProcesses(this.#database);
    const rows = yield* rowsOf(this.#database.queries.selectFrom('intents').selectAll().orderBy('created_at'));
    return rows.filter(({ holder }) => !living.has(holder));
  }

  #newRows(intents: readonly Intent[]): IntentRow[] {
    const created_at = Date.now();
    return intents.map((intent) => ({ id: randomUUID(), holder: this.#processes.id, created_at, ...intent }));
  }
}

function isSame(one: Intent, other: Intent): boolean {
  return one.repository === other.repository && one.kind === other.kind && one.key === other.key;
}

/** @throws IntentLostError when one of the intents is gone */
export function* strikeIntents({ queries }: IndexDatabase, ids: readonly string[]): Transaction<void> {
  if (ids.length === 0) return;
  const struck = yield* run(queries.deleteFrom('intents').where('id', 'in', [...ids]));
  if (struck !== ids.length) throw new IntentLostError();
}
