import type { Kysely } from 'kysely';
import type { IndexTables } from './schema.ts';

export type UploadRow = IndexTables['uploads'];

/** Uploads in progress: which there are and whose. Their bytes, and how many, are known to storage alone. */
export class UploadSessions {
  readonly #db: Kysely<IndexTables>;

  constructor(db: Kysely<IndexTables>) {
    this.#db = db;
  }

  async add(upload: UploadRow): Promise<void> {
    await this.#db.insertInto('uploads').values(upload).execute();
  }

  async find(repository: string, id: string): Promise<UploadRow | undefined> {
    return this.#db
      .selectFrom('uploads')
      .selectAll()
      .where('id', '=', id)
      .where('repository', '=', repository)
      .executeTakeFirst();
  }

  /** Notes that somebody still works on an upload. */
  async touch(id: string): Promise<void> {
    await this.#db.updateTable('uploads').set({ touched_at: Date.now() }).where('id', '=', id).execute();
  }

  async delete(id: string): Promise<void> {
    await this.#db.deleteFrom('uploads').where('id', '=', id).execute();
  }

  /** Uploads that nobody has touched since a time, in milliseconds since 1970. */
  async listIdle(before: number): Promise<UploadRow[]> {
    return this.#db.selectFrom('uploads').selectAll().where('touched_at', '<', before).orderBy('touched_at').execute();
  }
}
