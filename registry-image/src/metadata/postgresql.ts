import { type CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { IndexDatabase, WriteOptions } from './index-database.ts';
import type { IndexTables } from './schema.ts';
import type { QueryAnswer, Transaction } from './transaction.ts';

const INT8_OID = 20;

/** Transactions that PostgreSQL undid because of another one; to be run again: https://www.postgresql.org/docs/15/errcodes-appendix.html */
const UNDONE = ['40001', '40P01'];
const MAX_ATTEMPTS = 5;

/** The index in a PostgreSQL database that several machines share. */
export function openPostgresql(url: string, poolSize: number): PostgresqlIndex {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    // Sizes and times fit a double exactly; pg would hand them out as text.
    types: {
      getTypeParser: (oid, format) =>
        oid === INT8_OID && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format),
    },
  });
  // A connection lost while idle is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {});
  return new PostgresqlIndex(pool);
}

export class PostgresqlIndex implements IndexDatabase {
  readonly backend = 'postgresql';
  readonly queries: Kysely<IndexTables>;
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
    this.queries = new Kysely<IndexTables>({ dialect: new PostgresDialect({ pool }) });
  }

  read<T>(work: Transaction<T>): Promise<T> {
    return runOn(this.#pool, work);
  }

  async write<T>(work: () => Transaction<T>, { durable = true }: WriteOptions = {}): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(work, durable);
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !UNDONE.includes((error as pg.DatabaseError).code ?? '')) throw error;
      }
    }
  }

  async close(): Promise<void> {
    // Ends the pool as well.
    await this.queries.destroy();
  }

  async #attempt<T>(work: () => Transaction<T>, durable: boolean): Promise<T> {
    const client = await this.#pool.connect();
    let failure: Error | undefined;
    try {
      await client.query(durable ? 'begin' : 'begin; set local synchronous_commit = off');
      const result = await runOn(client, work());
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch((rollbackFailure: Error) => {
        failure = rollbackFailure;
      });
      throw error;
    } finally {
      // A connection that could not roll back is not given to the next one.
      client.release(failure);
    }
  }
}

async function runOn<T>(target: Pick<pg.Pool, 'query'>, work: Transaction<T>): Promise<T> {
  let step = work.next();
  while (step.done !== true) {
    let answer: QueryAnswer;
    try {
      answer = await queryOn(target, step.value);
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next(answer);
  }
  return step.value;
}

async function queryOn(target: Pick<pg.Pool, 'query'>, { sql, parameters }: CompiledQuery): Promise<QueryAnswer> {
  const { rows, rowCount, command } = await target.query(sql, [...parameters]);
  return { rows, changes: command === 'SELECT' ? 0 : (rowCount ?? 0) };
}
