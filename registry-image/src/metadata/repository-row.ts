import type { Kysely } from 'kysely';
import type { IndexTables } from './schema.ts';
import { firstRowOf, run, type Transaction } from './transaction.ts';

export function* findRepositoryId(queries: Kysely<IndexTables>, repository: string): Transaction<number | undefined> {
  const row = yield* firstRowOf(queries.selectFrom('repositories').select('id').where('name', '=', repository));
  return row?.id;
}

/** The id of a repository, which is added when it is new. */
export function* ensureRepository(queries: Kysely<IndexTables>, name: string, now: number): Transaction<number> {
  const known = yield* findRepositoryId(queries, name);
  if (known !== undefined) return known;
  yield* run(
    queries
      .insertInto('repositories')
      .values({ name, created_at: now })
      .onConflict((conflict) => conflict.column('name').doNothing()),
  );
  return (yield* findRepositoryId(queries, name)) as number;
}
