import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { migrate } from '../../../registry-image/src/metadata/migrations.ts';
import { openSqlite, SqliteIndex } from '../../../registry-image/src/metadata/sqlite.ts';
import { firstRowOf, rowsOf, run, type Transaction } from '../../../registry-image/src/metadata/transaction.ts';
import { runCommand } from '../../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

const WRITER = path.join(import.meta.dirname, 'sqlite-writer.ts');

describe('an index in SQLite', () => {
  let directory: TemporaryDirectory;
  let file: string;
  let database: Database.Database;
  let index: SqliteIndex;

  beforeEach(async () => {
    directory = temporaryDirectory('sqlite');
    file = path.join(directory.path, 'below', 'index.sqlite');
    await migrateAnd(async () => {});
    database = new Database(file, { timeout: 5_000 });
    index = new SqliteIndex(database);
  });

  afterEach(async () => {
    await index.close();
    directory.remove();
  });

  async function migrateAnd(then: (opened: SqliteIndex) => Promise<void>): Promise<void> {
    const opened = openSqlite(file);
    await migrate(opened);
    await then(opened);
    await opened.close();
  }

  const set = (name: string, value: string, on = index) =>
    run(
      on.queries
        .insertInto('settings')
        .values({ name, value })
        .onConflict((conflict) => conflict.doUpdateSet({ value })),
    );
  const get = async (name: string, on = index) =>
    (await on.read(firstRowOf(on.queries.selectFrom('settings').select('value').where('name', '=', name))))?.value;

  function* failing(name: string): Transaction<void> {
    yield* set(name, 'half done');
    throw new Error('refused');
  }

  test('writes of one turn share a commit, and each of them fails alone', async () => {
    let commits = 0;
    const prepare = database.prepare.bind(database);
    database.prepare = ((sql: string) => {
      const statement = prepare(sql);
      if (sql !== 'commit') return statement;
      const commit = statement.run.bind(statement);
      statement.run = (() => {
        commits += 1;
        return commit();
      }) as typeof statement.run;
      return statement;
    }) as typeof database.prepare;
    const outcomes = await Promise.allSettled([
      index.write(() => set('a', '1')),
      index.write(() => failing('b')),
      index.write(() => set('c', '3')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(commits).toBe(1);
    expect([await get('a'), await get('b'), await get('c')]).toEqual(['1', undefined, '3']);
  });

  test('a write that is acknowledged is read by everybody, and one that is not by nobody', async () => {
    const other = openSqlite(file);
    const writing = index.write(() => set('a', '1'));
    expect(await get('a', other)).toBeUndefined();
    await writing;
    expect(await get('a')).toBe('1');
    // What one process reads in one turn of its event loop is of one moment.
    await nextTurn();
    expect(await get('a', other)).toBe('1');
    await other.close();
  });

  test('a transaction goes on after a query that it expected to fail', async () => {
    await index.write(() => set('a', '1'));
    const seen = await index.write(function* () {
      try {
        yield* run(index.queries.insertInto('settings').values({ name: 'a', value: '2' }));
      } catch {
        return 'there already';
      }
      return 'added';
    });
    expect(seen).toBe('there already');
  });

  test('what is acknowledged to a client is on the disk before, and what only coordinates processes need not be', async () => {
    const synchronous = function* (): Transaction<number> {
      yield* set('a', '1');
      return database.pragma('synchronous', { simple: true }) as number;
    };
    const [normal, full] = [1, 2];
    expect(await index.write(synchronous, { durable: false })).toBe(normal);
    expect(await index.write(synchronous)).toBe(full);
    expect(await Promise.all([index.write(synchronous, { durable: false }), index.write(synchronous)])).toEqual([
      full,
      full,
    ]);
  });

  test('what was asked for before the index is closed is still written', async () => {
    const writing = index.write(() => set('a', '1'));
    await index.close();
    await writing;
    index = openSqlite(file);
    expect(await get('a')).toBe('1');
  });

  test('writes of several processes at once wait for each other, and none is lost', async () => {
    await index.write(() => set('count', '0'));
    const [processes, times] = [4, 150];
    await Promise.all(
      Array.from({ length: processes }, () => runCommand(process.execPath, [WRITER, file, String(times)])),
    );
    expect(await get('count')).toBe(String(processes * times));
    expect(await index.read(rowsOf(index.queries.selectFrom('intents').selectAll()))).toEqual([]);
  });
});
