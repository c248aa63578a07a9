import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { IndexDatabase } from '../../../registry-image/src/metadata/index-database.ts';
import { MetadataStore } from '../../../registry-image/src/metadata/metadata-store.ts';
import { openPostgresql } from '../../../registry-image/src/metadata/postgresql.ts';
import { openSqlite } from '../../../registry-image/src/metadata/sqlite.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres.ts';
import { describeWith } from '../../support/requirements.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

/** An index that is new with each test, and that several processes use. */
export interface SharedIndex {
  /** A connection of its own. */
  connect(): IndexDatabase;
  /** The index as another process opens it. Both are closed after the test. */
  open(database?: IndexDatabase): Promise<MetadataStore>;
}

/** The same promises for both databases. */
export function describeOnEachBackend(name: string, describeIt: (index: SharedIndex) => void): void {
  describeWith([], `${name}, in SQLite`, () => {
    let directory: TemporaryDirectory;
    let file = '';
    let count = 0;
    beforeAll(() => {
      directory = temporaryDirectory('index');
    });
    afterAll(() => directory.remove());
    beforeEach(() => {
      file = `${directory.path}/${count++}.sqlite`;
    });
    describeIt(closing(() => openSqlite(file)));
  });

  describeWith(['postgres'], `${name}, in PostgreSQL`, () => {
    let server: PostgresServer;
    let url = '';
    let count = 0;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      url = await server.createDatabase(`index_${count++}`);
    });
    describeIt(closing(() => openPostgresql(url, 8)));
  });
}

function closing(connect: () => IndexDatabase): SharedIndex {
  const opened: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  });
  const connectClosing = () => {
    const database = connect();
    opened.push(() => database.close());
    return database;
  };
  return {
    connect: connectClosing,
    open: async (database = connect()) => {
      const metadata = await MetadataStore.open(database);
      opened.push(() => metadata.close().catch(() => {}));
      return metadata;
    },
  };
}
