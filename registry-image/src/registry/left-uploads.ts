import type { MetadataStore } from '../metadata/metadata-store.ts';
import { distributionUploadsPrefix, UPLOADS_PREFIX } from '../storage/key-layout.ts';
import type { StorageDriver, StorageKey } from '../storage/storage-driver.ts';

/** An upload in progress, by what is left of it in storage. */
export interface LeftUpload {
  readonly id: string;
  /** Left out where the key does not say it. */
  readonly repository?: string;
}

/** One directory of objects that belong together. */
interface Remains extends LeftUpload {
  readonly keys: StorageKey[];
  newest: number;
}

/** What this server, its doctor and its drivers name their directories below `uploads/`; what others keep there is theirs. */
const OWN_NAME = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|_(?:doctor|probe)-[0-9a-f]+)$/;

/** Repositories whose names are read at once. */
const PAGE = 1000;

/**
 * Uploads in storage that no index knows: of an index that was lost or built anew, of a doctor that was killed, and those that CNCF
 * distribution keeps below each repository (`_uploads/<id>/`) and that nobody goes on with after a change to this server.
 */
export class LeftUploads {
  readonly #driver: StorageDriver;
  readonly #metadata: MetadataStore;

  constructor(driver: StorageDriver, metadata: MetadataStore) {
    this.#driver = driver;
    this.#metadata = metadata;
  }

  /** Removes those of which no object was written since a time; returns them. */
  async purge(before: Date, { dryRun }: { readonly dryRun: boolean }): Promise<readonly LeftUpload[]> {
    const purged: LeftUpload[] = [];
    for await (const { id, repository, keys, newest } of this.#remains()) {
      if (newest >= before.getTime()) continue;
      if (!dryRun) for (const key of keys) await this.#remove(key);
      purged.push({ id, ...(repository !== undefined && { repository }) });
    }
    return purged;
  }

  async *#remains(): AsyncGenerator<Remains> {
    for (const one of await this.#below(UPLOADS_PREFIX)) {
      if (OWN_NAME.test(one.id) && !(await this.#metadata.uploads.has(one.id))) yield one;
    }
    for await (const repository of this.#repositories()) {
      yield* await this.#below(distributionUploadsPrefix(repository), repository);
    }
  }

  async *#repositories(): AsyncGenerator<string> {
    for (let after: string | undefined; ; ) {
      const names = await this.#metadata.listRepositories({ limit: PAGE, ...(after !== undefined && { after }) });
      yield* names;
      if (names.length < PAGE) return;
      after = names.at(-1);
    }
  }

  async #below(prefix: string, repository?: string): Promise<readonly Remains[]> {
    const remains = new Map<string, Remains>();
    for await (const { key, modifiedAt } of this.#driver.list(prefix)) {
      const id = key.slice(prefix.length).split('/')[0] as string;
      const one = remains.get(id) ?? { id, ...(repository !== undefined && { repository }), keys: [], newest: 0 };
      one.keys.push(key);
      one.newest = Math.max(one.newest, modifiedAt.getTime());
      remains.set(id, one);
    }
    return [...remains.values()];
  }

  /** An upload of ours is cancelled, so that its parts go too, which no list shows. */
  async #remove(key: StorageKey): Promise<void> {
    const upload = key.startsWith(UPLOADS_PREFIX) ? /^.*\/data(?=\.state$|$)/.exec(key)?.[0] : undefined;
    if (upload === undefined) await this.#driver.delete(key);
    else await (await this.#driver.openUpload(upload)).cancel();
  }
}
