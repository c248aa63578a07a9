import type { Compilable, CompiledQuery } from 'kysely';

/** What a query answers. */
export interface QueryAnswer {
  readonly rows: readonly unknown[];
  /** Rows inserted, updated or deleted. */
  readonly changes: number;
}

/**
 * Queries in turn, each seeing what the ones before it did. Written once for both databases: SQLite runs one from start to end
 * without giving way, so that no other process waits for its lock longer than the queries take; PostgreSQL awaits each query.
 */
export type Transaction<T> = Generator<CompiledQuery, T, QueryAnswer>;

export function* rowsOf<Row>(query: Compilable<Row>): Transaction<Row[]> {
  return (yield query.compile()).rows as Row[];
}

export function* firstRowOf<Row>(query: Compilable<Row>): Transaction<Row | undefined> {
  return (yield query.compile()).rows[0] as Row | undefined;
}

/** Runs a query for its effect; returns how many rows it changed. */
export function* run(query: Compilable): Transaction<number> {
  return (yield query.compile()).changes;
}

/** Marks the place of a parameter in a query that is built once. */
const PLACE = '\0';

/**
 * Builds a query once, because building costs several times as much as a lookup by key. Parameters go by name.
 *
 * @example prepared((p: { name: string }) => db.selectFrom('repositories').select('id').where('name', '=', p.name))
 */
export function prepared<Parameters extends Record<string, string | number>, Row>(
  build: (parameters: Parameters) => Compilable<Row>,
): (parameters: Parameters) => Compilable<Row> {
  const places = new Proxy({} as Parameters, { get: (_target, name) => `${PLACE}${String(name)}` });
  const template = build(places).compile();
  const names = template.parameters.map((value) =>
    typeof value === 'string' && value.startsWith(PLACE) ? value.slice(PLACE.length) : undefined,
  );
  return (parameters) => ({
    compile: () => ({
      ...template,
      parameters: names.map((name, index) => (name === undefined ? template.parameters[index] : parameters[name])),
    }),
  });
}
