import type { IndexDatabase } from './index-database.ts';
import { livingProcesses, type Processes } from './processes.ts';
import type { IndexTables } from './schema.ts';
import { firstRowOf, rowsOf, run, type Transaction } from './transaction.ts';

export type UploadRow = IndexTables['uploads'];

/** What is known of the digest of an upload's bytes. */
export interface DigestSoFar {
  /** How many bytes, from the first one. */
  readonly bytes: number;
  readonly digest: string;
}

/**
 * Uploads in progress: which there are, whose, and which process works on them. Their bytes, and how many, are known to storage
 * alone. Nothing here is acknowledged as kept, so that no write waits for the disk: a client whose upload is gone starts another.
 */
export class UploadSessions {
  readonly #database: IndexDatabase;
  readonly #processes: Processes;

  constructor(database: IndexDatabase, processes: Processes) {
    this.#database = database;
    this.#processes = processes;
  }

  /** Adds an upload, which this process is at work on when `busy`. */
  async add(
    upload: Pick<UploadRow, 'id' | 'repository' | 'algorithm'>,
    { busy }: { busy: boolean },
  ): Promise<UploadRow> {
    const now = Date.now();
    const row: UploadRow = {
      ...upload,
      started_at: now,
      touched_at: now,
      holder: this.#processes.id,
      busy: busy ? 1 : 0,
      hashed_bytes: null,
      digest: null,
    };
    await this.#write(() => run(this.#database.queries.insertInto('uploads').values(row)));
    return row;
  }

  /**
   * Takes an upload in hand until `release`. The row says who had it before: a process that died at work leaves bytes whose digest
   * nobody knows.
   *
   * @returns the upload as it was; `busy` while another process is at work on it; `undefined` when there is none
   */
  async claim(repository: string, id: string): Promise<UploadRow | 'busy' | undefined> {
    return this.#write(() => this.#claim(repository, id));
  }

  *#claim(repository: string, id: string): Transaction<UploadRow | 'busy' | undefined> {
    const { backend, queries } = this.#database;
    const row = yield* firstRowOf(
      queries
        .selectFrom('uploads')
        .selectAll()
        .where('id', '=', id)
        .where('repository', '=', repository)
        // Others that claim it wait for this transaction; SQLite has one that writes at a time.
        .$if(backend === 'postgresql', (locked) => locked.forUpdate()),
    );
    if (row === undefined) return undefined;
    const wasLeft = row.busy === 1 && row.holder !== this.#processes.id;
    if (wasLeft && (yield* livingProcesses(this.#database)).has(row.holder)) return 'busy';
    const unknown = row.busy === 1 ? { hashed_bytes: null, digest: null } : {};
    yield* run(
      queries
        .updateTable('uploads')
        .set({ holder: this.#processes.id, busy: 1, ...unknown })
        .where('id', '=', id),
    );
    return { ...row, ...unknown };
  }

  /** Lets others have an upload that is not finished. @returns false when another process has taken it meanwhile */
  async release(id: string, known: DigestSoFar | undefined): Promise<boolean> {
    const released = await this.#write(() =>
      run(
        this.#database.queries
          .updateTable('uploads')
          .set({
            busy: 0,
            touched_at: Date.now(),
            hashed_bytes: known?.bytes ?? null,
            digest: known?.digest ?? null,
          })
          .where('id', '=', id)
          .where('holder', '=', this.#processes.id),
      ),
    );
    return released === 1;
  }

  async delete(id: string): Promise<void> {
    await this.#write(() => deleteUpload(this.#database, id));
  }

  async has(id: string): Promise<boolean> {
    const { queries } = this.#database;
    const query = queries.selectFrom('uploads').select('id').where('id', '=', id);
    return (await this.#database.read(rowsOf(query))).length > 0;
  }

  /** Uploads that nobody has touched since a time, in milliseconds since 1970. */
  async listIdle(before: number): Promise<UploadRow[]> {
    return this.#database.read(
      rowsOf(
        this.#database.queries.selectFrom('uploads').selectAll().where('touched_at', '<', before).orderBy('touched_at'),
      ),
    );
  }

  #write<T>(work: () => Transaction<T>): Promise<T> {
    return this.#database.write(work, { durable: false });
  }
}

export function deleteUpload({ queries }: IndexDatabase, id: string): Transaction<number> {
  return run(queries.deleteFrom('uploads').where('id', '=', id));
}
