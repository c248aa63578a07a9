import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { IndexBackend, IndexDatabase } from './index-database.ts';

/** Names sort by byte on both backends, as the specification asks of tags; PostgreSQL would otherwise sort by locale. */
function nameColumn(backend: IndexBackend) {
  return backend === 'postgresql' ? sql`text collate "C"` : sql`text`;
}

function createTables(backend: IndexBackend): Migration {
  const name = nameColumn(backend);
  return {
    async up(db: Kysely<unknown>) {
      const id = backend === 'postgresql' ? sql`bigint generated always as identity` : sql`integer`;
      await db.schema
        .createTable('repositories')
        .addColumn('id', id, (column) => column.primaryKey())
        .addColumn('name', name, (column) => column.notNull().unique())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('blobs')
        .addColumn('digest', 'text', (column) => column.primaryKey())
        .addColumn('size', 'bigint', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('repository_blobs')
        .addColumn('repository_id', 'bigint', (column) => column.notNull().references('repositories.id'))
        .addColumn('digest', 'text', (column) => column.notNull().references('blobs.digest'))
        .addColumn('linked_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('repository_blobs_pk', ['repository_id', 'digest'])
        .execute();
      await db.schema.createIndex('repository_blobs_digest').on('repository_blobs').column('digest').execute();
      await db.schema
        .createTable('manifests')
        .addColumn('repository_id', 'bigint', (column) => column.notNull().references('repositories.id'))
        .addColumn('digest', 'text', (column) => column.notNull())
        .addColumn('media_type', 'text', (column) => column.notNull())
        .addColumn('artifact_type', 'text')
        .addColumn('size', 'bigint', (column) => column.notNull())
        .addColumn('subject', 'text')
        .addColumn('annotations', 'text')
        .addColumn('pushed_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('manifests_pk', ['repository_id', 'digest'])
        .execute();
      await db.schema.createIndex('manifests_subject').on('manifests').columns(['repository_id', 'subject']).execute();
      await db.schema
        .createTable('manifest_references')
        .addColumn('repository_id', 'bigint', (column) => column.notNull())
        .addColumn('manifest_digest', 'text', (column) => column.notNull())
        .addColumn('digest', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('manifest_references_pk', ['repository_id', 'manifest_digest', 'digest', 'kind'])
        .addForeignKeyConstraint(
          'manifest_references_manifest',
          ['repository_id', 'manifest_digest'],
          'manifests',
          ['repository_id', 'digest'],
          (constraint) => constraint.onDelete('cascade'),
        )
        .execute();
      await db.schema
        .createIndex('manifest_references_digest')
        .on('manifest_references')
        .columns(['repository_id', 'digest'])
        .execute();
      await db.schema
        .createTable('tags')
        .addColumn('repository_id', 'bigint', (column) => column.notNull())
        .addColumn('name', name, (column) => column.notNull())
        .addColumn('digest', 'text', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('tags_pk', ['repository_id', 'name'])
        .addForeignKeyConstraint(
          'tags_manifest',
          ['repository_id', 'digest'],
          'manifests',
          ['repository_id', 'digest'],
          (constraint) => constraint.onDelete('cascade'),
        )
        .execute();
      await db.schema.createIndex('tags_digest').on('tags').columns(['repository_id', 'digest']).execute();
      await db.schema
        .createTable('uploads')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('repository', 'text', (column) => column.notNull())
        .addColumn('algorithm', 'text', (column) => column.notNull())
        .addColumn('started_at', 'bigint', (column) => column.notNull())
        .addColumn('touched_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('uploads_touched_at').on('uploads').column('touched_at').execute();
      await db.schema
        .createTable('intents')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('repository', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('key', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('settings')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('value', 'text', (column) => column.notNull())
        .execute();
    },
  };
}

/** Several processes share the index: they say that they are alive, and what each is at work on. */
const shareAmongProcesses: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('processes')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('alive_until', 'bigint', (column) => column.notNull())
      .execute();
    for (const [column, type] of [
      ['holder', sql`text not null default ''`],
      ['busy', sql`integer not null default 0`],
      ['hashed_bytes', sql`bigint`],
      ['digest', sql`text`],
    ] as const) {
      await sql`alter table uploads add column ${sql.ref(column)} ${type}`.execute(db);
    }
    await sql`alter table intents add column holder text not null default ''`.execute(db);
    await sql`delete from intents where id not in (select min(id) from intents group by repository, kind, key)`.execute(
      db,
    );
    await db.schema
      .createIndex('intents_thing')
      .unique()
      .on('intents')
      .columns(['repository', 'kind', 'key'])
      .execute();
  },
};

/** Brings the tables of an index up to this version; safe to run from several processes at once. */
export async function migrate({ backend, queries }: IndexDatabase): Promise<void> {
  const migrator = new Migrator({
    db: queries,
    provider: {
      getMigrations: async () => ({ '001-tables': createTables(backend), '002-processes': shareAmongProcesses }),
    },
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw new Error('the index could not be brought up to this version', { cause: error });
}
