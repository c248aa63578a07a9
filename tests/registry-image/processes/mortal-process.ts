import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../../registry-image/src/config/schema.ts';
import type { IndexDatabase, WriteOptions } from '../../../registry-image/src/metadata/index-database.ts';
import { MetadataStore } from '../../../registry-image/src/metadata/metadata-store.ts';
import type { QueryAnswer, Transaction } from '../../../registry-image/src/metadata/transaction.ts';
import { createRegistry, type Registry } from '../../../registry-image/src/registry/registry.ts';
import { Reindexer } from '../../../registry-image/src/registry/reindex.ts';
import type { StorageDriver, StorageUpload } from '../../../registry-image/src/storage/storage-driver.ts';

/** What a client of a process that has ended comes to know: nothing. */
export class ProcessEndedError extends Error {
  constructor() {
    super('the process has ended');
  }
}

/** Milliseconds that a call of storage or index takes, on its way there or back. */
export type Delay = () => number;

/** Lets a process live until it is ended: then no call of its has an effect any more, and none returns. */
export class Life {
  readonly #delay: Delay;
  #isOver = false;
  #resume: Promise<void> | undefined;

  constructor(delay: Delay) {
    this.#delay = delay;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  end(): void {
    this.#isOver = true;
  }

  /** Stands still, as a machine that is moved does, until the function is called. */
  freeze(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resume = promise;
    return () => {
      this.#resume = undefined;
      resolve();
    };
  }

  check(): void {
    if (this.#isOver) throw new ProcessEndedError();
  }

  /** A call takes its time on the way there and back; it may have had its effect when the process ends. */
  async call<T>(effect: () => Promise<T>): Promise<T> {
    await this.#way();
    const result = await effect().catch((failure: unknown) => {
      this.check();
      throw failure;
    });
    await this.#way();
    return result;
  }

  async #way(): Promise<void> {
    await sleep(this.#delay());
    await this.#resume;
    this.check();
  }
}

/** The storage that all share, as one process reaches it. */
function mortalDriver(shared: StorageDriver, life: Life): StorageDriver {
  return {
    name: shared.name,
    read: (key, range) => life.call(() => shared.read(key, range)),
    write: (key, bytes) => life.call(() => shared.write(key, bytes)),
    stat: (key) => life.call(() => shared.stat(key)),
    async *list(prefix) {
      for await (const info of shared.list(prefix)) {
        life.check();
        yield info;
      }
    },
    move: (from, to) => life.call(() => shared.move(from, to)),
    delete: (key) => life.call(() => shared.delete(key)),
    openUpload: async (key) => mortalUpload(await life.call(() => shared.openUpload(key)), life),
    close: async () => {},
  };
}

function mortalUpload(upload: StorageUpload, life: Life): StorageUpload {
  return {
    get size() {
      return upload.size;
    },
    append: (source, options) => upload.append(mortalSource(source, life), options),
    complete: () => life.call(() => upload.complete()),
    close: () => life.call(() => upload.close()),
    cancel: () => life.call(() => upload.cancel()),
  };
}

async function* mortalSource(source: AsyncIterable<Uint8Array>, life: Life): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield await life.call(async () => chunk);
}

/** The index that all share, by one process's connection to it: a transaction that is running when the process ends is undone. */
function mortalDatabase(database: IndexDatabase, life: Life): IndexDatabase {
  return {
    backend: database.backend,
    queries: database.queries,
    read: <T>(work: Transaction<T>) => life.call(() => database.read(work)),
    write: <T>(work: () => Transaction<T>, options?: WriteOptions) =>
      life.call(() => database.write(() => mortalTransaction(work(), life), options)),
    close: () => database.close(),
  };
}

function* mortalTransaction<T>(work: Transaction<T>, life: Life): Transaction<T> {
  let step = work.next();
  while (step.done !== true) {
    life.check();
    let answer: QueryAnswer;
    try {
      answer = yield step.value;
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next(answer);
  }
  life.check();
  return step.value;
}

export interface MortalProcessOptions {
  readonly storage: StorageDriver;
  readonly index: IndexDatabase;
  readonly config: Config;
  readonly delay: Delay;
}

/** One process of a server as far as the core goes. It can be ended at any moment, as SIGKILL does. */
export class MortalProcess {
  readonly registry: Registry;
  readonly metadata: MetadataStore;
  readonly reindexer: Reindexer;
  readonly life: Life;

  private constructor(registry: Registry, metadata: MetadataStore, reindexer: Reindexer, life: Life) {
    this.registry = registry;
    this.metadata = metadata;
    this.reindexer = reindexer;
    this.life = life;
  }

  static async start({ storage, index, config, delay }: MortalProcessOptions): Promise<MortalProcess> {
    const life = new Life(delay);
    const driver = mortalDriver(storage, life);
    const metadata = await MetadataStore.open(mortalDatabase(index, life));
    return new MortalProcess(createRegistry(driver, metadata, config), metadata, new Reindexer(driver, metadata), life);
  }

  get id(): string {
    return this.metadata.processes.id;
  }
}
