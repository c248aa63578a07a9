import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Config, configSchema } from '../../../registry-image/src/config/schema.ts';
import type { IndexDatabase } from '../../../registry-image/src/metadata/index-database.ts';
import { MetadataStore } from '../../../registry-image/src/metadata/metadata-store.ts';
import { openPostgresql } from '../../../registry-image/src/metadata/postgresql.ts';
import { openSqlite } from '../../../registry-image/src/metadata/sqlite.ts';
import { rowsOf } from '../../../registry-image/src/metadata/transaction.ts';
import { Reindexer } from '../../../registry-image/src/registry/reindex.ts';
import { MemoryDriver } from '../../../registry-image/src/storage/memory.ts';
import { digestOf } from '../../support/oci-image.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres.ts';
import { readObject } from '../../support/read-object.ts';
import { describeWith } from '../../support/requirements.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';
import { History } from './history.ts';
import { MortalProcess } from './mortal-process.ts';
import { blobThing, manifestThing, PRESENT, RandomWork, tagThing, World } from './random-work.ts';

/** `PROCESSES_SEED=… PROCESSES_ROUNDS=200 npm test -- tests/registry-image/processes` looks harder, or looks again. */
const SEED = Number(process.env.PROCESSES_SEED ?? 20_260_101);

const PROCESSES = 3;
const CLIENTS = 6;
const STEPS = 20;

/** Longest time of one call of storage or index, on the way there and back, in milliseconds. */
const LONGEST_WAY_MS = 2;
/** Most requests between two mishaps of a round. */
const LONGEST_PEACE_REQUESTS = 20;
/** Longest time until somebody notices that a process is dead. */
const LONGEST_UNNOTICED_MS = 40;
const ROUND_TIMEOUT_MS = 30_000;

type Mishap = 'killed' | 'taken for dead';

/** Another connection to the one index of a round. */
type OpenIndex = () => IndexDatabase;

/** A server's processes over one storage and one index, of which some end while clients are at work. */
class Round {
  readonly #open: OpenIndex;
  readonly #random: SeededRandom;
  readonly #mishap: Mishap;
  readonly #storage = new MemoryDriver();
  readonly #config: Config = configSchema.parse({ version: 0.1, storage: { inmemory: {}, delete: { enabled: true } } });
  readonly #observer: IndexDatabase;
  readonly #history = new History();
  readonly #world = new World();
  readonly #processes: MortalProcess[] = [];
  readonly #burials: Promise<void>[] = [];
  readonly answered = { done: 0, refused: 0, ended: 0 };

  constructor(open: OpenIndex, seed: number, mishap: Mishap) {
    this.#open = open;
    this.#observer = open();
    this.#random = new SeededRandom(seed);
    this.#mishap = mishap;
  }

  async run(): Promise<void> {
    while (this.#processes.length < PROCESSES) await this.#startProcess();
    const clients = Array.from(
      { length: CLIENTS },
      (_, number) =>
        new RandomWork(
          {
            world: this.#world,
            history: this.#history,
            random: this.#random,
            anyProcess: () => this.#random.pick(this.#processes),
            takenForDead: this.#mishap === 'taken for dead',
          },
          String(number),
        ),
    );
    let isWorking = true;
    const work = Promise.all(
      clients.map(async (client) => {
        for (let step = 0; step < STEPS; step += 1) await client.step();
      }),
    ).finally(() => {
      isWorking = false;
    });

    while (isWorking) {
      const next = this.#history.length + this.#random.integer(LONGEST_PEACE_REQUESTS);
      while (isWorking && this.#history.length < next) await sleep(1);
      await sleep(this.#random.below(5 * LONGEST_WAY_MS));
      if (isWorking) await (this.#mishap === 'killed' ? this.#killOne() : this.#takeOneForDead());
    }
    await work;
    await Promise.all(this.#burials);
    for (const { answered } of clients) {
      for (const outcome of ['done', 'refused', 'ended'] as const) this.answered[outcome] += answered[outcome];
    }
    // What processes have left that died at the very end.
    await (this.#processes[0] as MortalProcess).reindexer.reconcile();
  }

  async close(): Promise<void> {
    for (const { life, metadata } of this.#processes) {
      await metadata.close();
      life.end();
    }
    await this.#observer.close();
  }

  async #startProcess(): Promise<void> {
    const index = this.#open();
    const delay = () => this.#random.below(LONGEST_WAY_MS);
    this.#processes.push(await MortalProcess.start({ storage: this.#storage, index, config: this.#config, delay }));
  }

  async #killOne(): Promise<void> {
    const dead = this.#random.pick(this.#processes);
    dead.life.end();
    this.#burials.push(dead.metadata.close());
    this.#processes.splice(this.#processes.indexOf(dead), 1);
    this.#burials.push(this.#bury(dead));
    await this.#startProcess();
  }

  async #takeOneForDead(): Promise<void> {
    const taken = this.#random.pick(this.#processes);
    const resume = taken.life.freeze();
    await this.#bury(
      taken,
      this.#processes.find((other) => other !== taken),
    );
    await sleep(this.#random.integer(LONGEST_UNNOTICED_MS));
    resume();
  }

  async #bury(dead: MortalProcess, by?: MortalProcess): Promise<void> {
    await sleep(this.#random.integer(LONGEST_UNNOTICED_MS));
    // Whoever does it may be killed over it.
    for (;;) {
      const undertaker = by ?? this.#random.pick(this.#processes);
      const buried = await undertaker.metadata.processes.bury(dead.id).then(
        () => true,
        () => false,
      );
      if (buried) return;
    }
  }

  /** Everything that the index says. */
  async #contents(database: IndexDatabase) {
    const { queries } = database;
    const links = queries
      .selectFrom('repository_blobs as link')
      .innerJoin('repositories as repository', 'repository.id', 'link.repository_id')
      .innerJoin('blobs', 'blobs.digest', 'link.digest')
      .select(['repository.name as repository', 'link.digest', 'blobs.size'])
      .orderBy('repository.name')
      .orderBy('link.digest');
    const manifests = queries
      .selectFrom('manifests')
      .innerJoin('repositories as repository', 'repository.id', 'manifests.repository_id')
      .select(['repository.name as repository', 'manifests.digest', 'media_type', 'size', 'annotations'])
      .orderBy('repository.name')
      .orderBy('manifests.digest');
    const references = queries
      .selectFrom('manifest_references as reference')
      .innerJoin('repositories as repository', 'repository.id', 'reference.repository_id')
      .select(['repository.name as repository', 'manifest_digest', 'reference.digest', 'kind'])
      .orderBy('repository.name')
      .orderBy('manifest_digest')
      .orderBy('reference.digest');
    const tags = queries
      .selectFrom('tags')
      .innerJoin('repositories as repository', 'repository.id', 'tags.repository_id')
      .select(['repository.name as repository', 'tags.name', 'tags.digest'])
      .orderBy('repository.name')
      .orderBy('tags.name');
    return {
      links: await database.read(rowsOf(links)),
      manifests: await database.read(rowsOf(manifests)),
      references: await database.read(rowsOf(references)),
      tags: await database.read(rowsOf(tags)),
    };
  }

  async expectIndexToSayWhatStorageSays(): Promise<void> {
    const fresh = openSqlite(':memory:');
    const metadata = await MetadataStore.open(fresh);
    const { skipped } = await new Reindexer(this.#storage, metadata).rebuild();
    if (this.#mishap === 'killed') expect(skipped).toEqual([]);
    expect(await this.#contents(this.#observer)).toEqual(await this.#contents(fresh));
    await metadata.close();
  }

  async expectNothingLeftToFollowUp(): Promise<void> {
    const database = this.#observer;
    expect(await database.read(rowsOf(database.queries.selectFrom('intents').selectAll()))).toEqual([]);
  }

  async expectWhatWasAcknowledged(): Promise<void> {
    const { links, manifests, tags } = await this.#contents(this.#observer);
    const found = new Map<string, string>([
      ...links.map((row) => [blobThing(row.repository, row.digest), PRESENT] as const),
      ...manifests.map((row) => [manifestThing(row.repository, row.digest), PRESENT] as const),
      ...tags.map((row) => [tagThing(row.repository, row.name), row.digest] as const),
    ]);
    for (const thing of this.#history.things) {
      const allowed = this.#history.allowed(thing);
      const state = found.get(thing);
      expect({ thing, state, allowed }).toMatchObject({ allowed: expect.arrayContaining([state]) });
      found.delete(thing);
    }
    expect([...found]).toEqual([]);
  }

  /** A manifest may miss a blob that was deleted after it was pushed, and no other. */
  async expectManifestsToHaveTheirBlobs(): Promise<void> {
    const { links, references } = await this.#contents(this.#observer);
    const present = new Set(links.map((row) => blobThing(row.repository, row.digest)));
    for (const { repository, manifest_digest, digest } of references) {
      const blob = blobThing(repository, digest);
      if (present.has(blob)) continue;
      const deleted = { thing: blob, state: undefined };
      const pushed = { thing: manifestThing(repository, manifest_digest), state: PRESENT };
      expect({ blob, of: manifest_digest, deletedLater: this.#history.mayHaveFollowed(deleted, pushed) }).toMatchObject(
        {
          deletedLater: true,
        },
      );
    }
  }

  async expectBlobsToHaveTheirBytes(): Promise<void> {
    for await (const { key } of this.#storage.list('docker/registry/v2/blobs/')) {
      const [, hex] = /([0-9a-f]{64})\/data$/.exec(key) as unknown as [string, string];
      expect(digestOf(await readObject(await this.#storage.read(key)))).toBe(`sha256:${hex}`);
    }
  }
}

function describeProcesses(name: string, newIndex: () => Promise<OpenIndex>, rounds: number): void {
  describe(`several processes over one storage and one index in ${name}`, () => {
    test.each([
      ['some of which are killed', 'killed'],
      ['some of which stand still and are taken for dead', 'taken for dead'],
    ] as const)(
      '%s, keep what they acknowledged, and the index says what storage says',
      async (_what, mishap) => {
        const answered = { done: 0, refused: 0, ended: 0 };
        for (let number = 0; number < rounds; number += 1) {
          const seed = SEED + number;
          const round = new Round(await newIndex(), seed, mishap);
          try {
            await round.run();
            await round.expectNothingLeftToFollowUp();
            await round.expectIndexToSayWhatStorageSays();
            await round.expectWhatWasAcknowledged();
            await round.expectBlobsToHaveTheirBytes();
            if (mishap === 'killed') await round.expectManifestsToHaveTheirBlobs();
          } catch (error) {
            throw new Error(`with PROCESSES_SEED=${seed}: ${(error as Error).message}`, { cause: error });
          } finally {
            await round.close();
          }
          for (const outcome of ['done', 'refused', 'ended'] as const) answered[outcome] += round.answered[outcome];
        }
        // Else nothing was tried.
        expect(answered.done).toBeGreaterThan((rounds * CLIENTS * STEPS) / 3);
        expect(answered.ended).toBeGreaterThan(rounds);
      },
      rounds * ROUND_TIMEOUT_MS,
    );
  });
}

const ROUNDS = process.env.PROCESSES_ROUNDS;

describe('in SQLite', () => {
  let directory: TemporaryDirectory;
  let count = 0;
  beforeAll(() => {
    directory = temporaryDirectory('processes');
  });
  afterAll(() => directory.remove());

  describeProcesses(
    'SQLite',
    async () => {
      const file = `${directory.path}/${count++}.sqlite`;
      return () => openSqlite(file);
    },
    Number(ROUNDS ?? 3),
  );
});

describeWith(['postgres'], 'in PostgreSQL', () => {
  let server: PostgresServer;
  let count = 0;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  describeProcesses(
    'PostgreSQL',
    async () => {
      const url = await server.createDatabase(`round_${count++}`);
      return () => openPostgresql(url, 4);
    },
    Number(ROUNDS ?? 2),
  );
});
