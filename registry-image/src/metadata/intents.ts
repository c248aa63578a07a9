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
  /** Of processes that have ended, or whose change failed half way: to be followed up. */
  readonly abandoned: readonly IntentRow[];
}

/** A change whose intent is gone: another process took this one for dead and followed the change up itself. */
export class IntentLostError extends Error {
  constructor() {
    super('another process has taken this change over, because this one seemed dead; the request may be sent again');
    this.name = 'IntentLostError';
  }
}

/** Holder of an intent whose process lives, but has given it up. */
const NOBODY = '';

/** How often this process looks for intents of its own that it is not at work on. */
const TIDY_MS = 5_000;

/** A query may have some thousands of parameters. */
const TIDY_AT_ONCE = 500;

/**
 * What is about to change in storage. An intent is declared before storage is touched and struck in the transaction in which the
 * index follows. Nothing has two intents at a time, whichever process declared them, so an intent is a lock as well; one whose
 * process has died names a thing that storage and index may disagree on.
 */
export class Intents {
  readonly #database: IndexDatabase;
  readonly #processes: Processes;
  /** Ids of what this process is changing. */
  readonly #atWork = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(database: IndexDatabase, processes: Processes) {
    this.#database = database;
    this.#processes = processes;
    this.#timer = setInterval(() => void this.tidy().catch(() => {}), TIDY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /**
   * Declares all of the intents, or none where one is in the way. To one of kind `repository`, everything abandoned in the repository
   * is: what is said of the whole must not be said of an index that storage is ahead of.
   *
   * @returns their ids in the same order, for the change of the index that strikes them. They are at work until `letGo`
   */
  async declare(intents: readonly Intent[]): Promise<string[] | Conflicts> {
    const rows = this.#newRows(intents);
    for (const { id } of rows) this.#atWork.add(id);
    let isDeclared = false;
    try {
      const declared = await this.#database.write(() => this.#declare(rows));
      isDeclared = Array.isArray(declared);
      return declared;
    } finally {
      if (!isDeclared) this.letGo(rows.map(({ id }) => id));
    }
  }

  *#declare(rows: readonly IntentRow[]): Transaction<string[] | Conflicts> {
    const { queries } = this.#database;
    const inserted = yield* run(
      queries
        .insertInto('intents')
        .values([...rows])
        .onConflict((conflict) => conflict.columns(['repository', 'kind', 'key']).doNothing()),
    );
    const ids = rows.map(({ id }) => id);
    const isDeclared = inserted === rows.length;
    if (isDeclared && !rows.some(({ kind }) => kind === 'repository')) return ids;
    const conflicts = yield* this.#conflicts(rows);
    if (isDeclared && conflicts.abandoned.length === 0) return ids;
    yield* run(queries.deleteFrom('intents').where('id', 'in', ids));
    return conflicts;
  }

  *#conflicts(wanted: readonly IntentRow[]): Transaction<Conflicts> {
    const { queries } = this.#database;
    const others = yield* rowsOf(
      queries
        .selectFrom('intents')
        .selectAll()
        .where('repository', 'in', [...new Set(wanted.map(({ repository }) => repository))])
        .where(
          'id',
          'not in',
          wanted.map(({ id }) => id),
        ),
    );
    if (others.length === 0) return { underWay: [], abandoned: [] };
    const living = yield* livingProcesses(this.#database);
    const isAbandoned = ({ id, holder }: IntentRow) =>
      holder === this.#processes.id ? !this.#atWork.has(id) : !living.has(holder);
    return {
      underWay: others.filter((row) => !isAbandoned(row) && wanted.some((intent) => isSame(intent, row))),
      abandoned: others.filter((row) => isAbandoned(row) && wanted.some((intent) => concerns(intent, row))),
    };
  }

  /** Takes intents back whose change has not touched storage. */
  async withdraw(ids: readonly string[]): Promise<void> {
    const { queries } = this.#database;
    await this.#database.write(() => run(queries.deleteFrom('intents').where('id', 'in', [...ids])), {
      durable: false,
    });
  }

  /** The change is over. What it has left of its intents is for whoever comes upon it. */
  letGo(ids: readonly string[]): void {
    for (const id of ids) this.#atWork.delete(id);
  }

  /**
   * Tells the others which intents of this process are left: those of changes that failed and could not be followed up, and those
   * declared by a transaction whose outcome was never known, because the database was away.
   */
  async tidy(): Promise<void> {
    const { queries } = this.#database;
    const own = await this.#database.read(
      rowsOf(queries.selectFrom('intents').select('id').where('holder', '=', this.#processes.id)),
    );
    const left = own.map(({ id }) => id).filter((id) => !this.#atWork.has(id));
    for (let start = 0; start < left.length; start += TIDY_AT_ONCE) {
      const ids = left.slice(start, start + TIDY_AT_ONCE);
      await this.#database.write(
        () => run(queries.updateTable('intents').set({ holder: NOBODY }).where('id', 'in', ids)),
        { durable: false },
      );
    }
  }

  /** Those among the ids that are still there. */
  async find(ids: readonly string[]): Promise<IntentRow[]> {
    if (ids.length === 0) return [];
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

  /** Intents of processes that have ended, and those given up, oldest first. */
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

/** Whether an intent stands in the way of a wanted one when nobody is at work on it. */
function concerns(wanted: Intent, other: Intent): boolean {
  return isSame(wanted, other) || (wanted.kind === 'repository' && wanted.repository === other.repository);
}

/** @throws IntentLostError when one of the intents is gone */
export function* strikeIntents({ queries }: IndexDatabase, ids: readonly string[]): Transaction<void> {
  if (ids.length === 0) return;
  const struck = yield* run(queries.deleteFrom('intents').where('id', 'in', [...ids]));
  if (struck !== ids.length) throw new IntentLostError();
}
