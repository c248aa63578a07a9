import type { Kysely } from 'kysely';
import type { IndexTables } from './schema.ts';

export async function findRepositoryId(db: Kysely<IndexTables>, repository: string): Promise<number | undefined> {
  const row = await db.selectFrom('repositories').select('id').where('name', '=', repository).executeTakeFirst();
  return row?.id;
}

/** The id of a repository, which is added when it is new. */
export async function ensureRepository(db: Kysely<IndexTables>, repository: string, now: number): Promise<number> {
  await db
    .insertInto('repositories')
    .values({ name: repository, created_at: now })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  return (await findRepositoryId(db, repository)) as number;
}
