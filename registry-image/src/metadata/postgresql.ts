import { PostgresDialect } from 'kysely';
import pg from 'pg';

const INT8_OID = 20;

/** The index in a PostgreSQL database that several machines share. */
export function openPostgresql(url: string, poolSize: number): PostgresDialect {
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
  return new PostgresDialect({ pool });
}
