import { describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import type { IndexTables } from '../../../registry-image/src/metadata/schema.ts';
import {
  firstRowOf,
  prepared,
  type QueryAnswer,
  rowsOf,
  run,
  type Transaction,
} from '../../../registry-image/src/metadata/transaction.ts';

const queries = new Kysely<IndexTables>({ dialect: new SqliteDialect({ database: new Database(':memory:') }) });
const settings = queries.selectFrom('settings').selectAll();

/** Runs a transaction whose queries are answered from a list; returns what came of it and the queries' texts. */
function answer<T>(work: Transaction<T>, answers: Partial<QueryAnswer>[]): { result: T; asked: string[] } {
  const asked: string[] = [];
  let step = work.next();
  while (step.done !== true) {
    asked.push(step.value.sql);
    step = work.next({ rows: [], changes: 0, ...answers.shift() });
  }
  return { result: step.value, asked };
}

describe('a transaction', () => {
  test('asks one query after the other, each with what the one before has answered', () => {
    function* work(): Transaction<[unknown, unknown, number]> {
      const all = yield* rowsOf(settings);
      const first = yield* firstRowOf(settings.where('name', '=', String(all.length)));
      return [all, first, yield* run(queries.deleteFrom('settings'))];
    }
    const rows = [
      { name: 'a', value: '1' },
      { name: 'b', value: '2' },
    ];
    const { result, asked } = answer(work(), [{ rows }, { rows }, { changes: 3 }]);
    expect(result).toEqual([rows, rows[0], 3]);
    expect(asked).toEqual([
      'select * from "settings"',
      'select * from "settings" where "name" = ?',
      'delete from "settings"',
    ]);
  });

  test('has no first row where there is none', () => {
    expect(answer(firstRowOf(settings), [{}]).result).toBeUndefined();
  });
});

describe('a prepared query', () => {
  const find = prepared((p: { repository: number; name: string }) =>
    queries
      .selectFrom('tags')
      .select('digest')
      .where('name', '=', p.name)
      .where('updated_at', '>', 7)
      .where('repository_id', '=', p.repository)
      .where('digest', '!=', p.name),
  );

  test('puts each parameter in its place, wherever it is used, and leaves the others', () => {
    expect(find({ repository: 3, name: 'latest' }).compile().parameters).toEqual(['latest', 7, 3, 'latest']);
  });

  test('keeps nothing of an earlier use', () => {
    const first = find({ repository: 1, name: 'one' }).compile();
    const second = find({ repository: 2, name: 'two' }).compile();
    expect(first.parameters).toEqual(['one', 7, 1, 'one']);
    expect(second.parameters).toEqual(['two', 7, 2, 'two']);
    expect(second.sql).toBe(first.sql);
  });

  test('takes any text as a parameter, and never as a part of the query', () => {
    for (const name of ["'; drop table tags; --", '\0name', '\0repository', '']) {
      const { sql, parameters } = find({ repository: 1, name }).compile();
      expect(parameters).toEqual([name, 7, 1, name]);
      expect(sql).not.toContain('drop table');
    }
  });
});
