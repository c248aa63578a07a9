import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { migrate } from '../../../registry-image/src/metadata/migrations.ts';
import { openPostgresql, type PostgresqlIndex } from '../../../registry-image/src/metadata/postgresql.ts';
import { firstRowOf, rowsOf, run, type Transaction } from '../../../registry-image/src/metadata/transaction.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres.ts';
import { describeWith } from '../../support/requirements.ts';

describeWith(['postgres'], 'an index in PostgreSQL', () => {
  let server: PostgresServer;
  let index: PostgresqlIndex;
  let count = 0;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    index = openPostgresql(await server.createDatabase(`index_${count++}`), 4);
    await migrate(index);
    for (const name of ['a', 'b']) await index.write(() => set(name, '0'));
  });
  afterEach(() => index.close());

  const set = (name: string, value: string) =>
    run(
      index.queries
        .insertInto('settings')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value })),
    );
  const settings = async () => {
    const rows = await index.read(rowsOf(index.queries.selectFrom('settings').selectAll().orderBy('name')));
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  };
  function* query(text: ReturnType<typeof sql>): Transaction<unknown[]> {
    return (yield text.compile(index.queries)).rows as unknown[];
  }

  test('runs a transaction again that PostgreSQL undid because of another one', async () => {
    let attempts = 0;
    const both = (first: string, second: string) =>
      index.write(function* () {
        attempts += 1;
        yield* query(sql`update settings set value = (value::int + 1)::text where name = ${first}`);
        yield* query(sql`select pg_sleep(0.3)`);
        yield* query(sql`update settings set value = (value::int + 1)::text where name = ${second}`);
      });
    await Promise.all([both('a', 'b'), both('b', 'a')]);
    expect(await settings()).toEqual({ a: '2', b: '2' });
    expect(attempts).toBeGreaterThan(2);
  });

  test('undoes a transaction that throws, and uses its connection again', async () => {
    const failing = () =>
      index.write(function* () {
        yield* set('a', 'half done');
        throw new Error('refused');
      });
    for (let time = 0; time < 10; time += 1) await expect(failing()).rejects.toThrow('refused');
    expect(await settings()).toEqual({ a: '0', b: '0' });
  });

  test('undoes a transaction when a query fails', async () => {
    const failing = index.write(function* () {
      yield* set('a', 'half done');
      yield* query(sql`select 1 / 0`);
    });
    await expect(failing).rejects.toThrow('division by zero');
    expect(await settings()).toEqual({ a: '0', b: '0' });
  });

  test('goes on after the server has cut its connections', async () => {
    await Promise.all(Array.from({ length: 4 }, () => settings()));
    const others = sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`;
    await index.write(() => query(others));
    const again = async (): Promise<unknown> => settings().catch(again);
    expect(await again()).toEqual({ a: '0', b: '0' });
    await index.write(() => set('a', '1'));
    expect(await settings()).toEqual({ a: '1', b: '0' });
  });

  test('answers sizes and times as numbers', async () => {
    await index.write(() =>
      run(index.queries.insertInto('blobs').values({ digest: 'sha256:a', size: 2 ** 45, created_at: 2 ** 41 })),
    );
    const row = await index.read(firstRowOf(index.queries.selectFrom('blobs').selectAll()));
    expect(row).toEqual({ digest: 'sha256:a', size: 2 ** 45, created_at: 2 ** 41 });
  });

  test('waits for the disk only where a client is told that something is kept', async () => {
    const setting = () => query(sql`show synchronous_commit`);
    expect(await index.write(setting, { durable: false })).toEqual([{ synchronous_commit: 'off' }]);
    expect(await index.write(setting)).toEqual([{ synchronous_commit: 'on' }]);
  });
});
