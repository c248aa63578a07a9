import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ConfigInput } from '../../registry-image/src/config/schema.ts';
import { randomBlob } from '../support/oci-image.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeWith } from '../support/requirements.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { ExpectedRepository } from './expected-repository.ts';
import { RestlessClient } from './restless-client.ts';

/** `RECOVERY_SEED=… RECOVERY_ROUNDS=1000 npm test -- tests/recovery` looks harder, or looks again. */
const SEED = Number(process.env.RECOVERY_SEED ?? 20_260_101);
const REPOSITORIES = ['one', 'two/nested', 'three'];

/** Longest time between the first change of a round and the kill, in milliseconds; a push takes some tens. */
const LONGEST_ROUND_MS = 250;

/** About what a start takes, in milliseconds; of so many starts, one is killed too. */
const START_MS = 1_200;
const STARTS_BETWEEN_KILLED_ONES = 4;

/** What one round may take, start and checks included, in milliseconds. */
const ROUND_TIMEOUT_MS = 30_000;

function survivesSigkill(index: () => ConfigInput['index'] | undefined, rounds: number): void {
  const random = new SeededRandom(SEED);
  const shared = randomBlob(50_000);
  const expected = REPOSITORIES.map((name) => new ExpectedRepository(name));
  let registry: RegistryProcess;

  beforeAll(async () => {
    const configured = index();
    registry = await startRegistry(configured === undefined ? {} : { config: { index: configured } });
  });
  afterAll(() => registry.stop());

  async function verify(): Promise<void> {
    const client = registry.client();
    try {
      for (const repository of expected) await repository.verify(client);
    } finally {
      client.close();
    }
  }

  /** Kills the server once something has been acknowledged, however slow the machine is: else nothing could be lost. */
  async function disturbAndKill(): Promise<void> {
    const clients = expected.map(() => registry.client());
    const first = Promise.withResolvers<void>();
    let killed = false;
    const running = clients.map((client, position) => {
      const repository = expected[position] as ExpectedRepository;
      return new RestlessClient(client, repository, random, shared).run(() => killed, first.resolve);
    });
    const outcome = Promise.all(running);
    await Promise.race([first.promise.then(() => sleep(random.integer(LONGEST_ROUND_MS))), outcome]);
    killed = true;
    await registry.kill();
    await outcome;
    for (const client of clients) client.close();
  }

  test(
    `${rounds} times killed in the middle of pushes and deletes: what was acknowledged is there, and nothing is half there`,
    async () => {
      for (let round = 0; round < rounds; round++) {
        try {
          await disturbAndKill();
          if (round % STARTS_BETWEEN_KILLED_ONES === 0) await registry.interrupt('serve', random.integer(START_MS));
          await registry.restart();
          await verify();
        } catch (error) {
          throw new Error(
            `in round ${round} with RECOVERY_SEED=${SEED}: ${(error as Error).message}\n${registry.log}`,
            {
              cause: error,
            },
          );
        }
      }
    },
    rounds * ROUND_TIMEOUT_MS,
  );

  test(
    'a reindex that is killed is made up for by the next start',
    async () => {
      await verify();
      await registry.pause();
      for (let time = 0; time < 5; time++) {
        await registry.interrupt('reindex', random.integer(START_MS));
        await registry.restart();
        await verify();
        await registry.pause();
      }
      await registry.restart();
    },
    5 * ROUND_TIMEOUT_MS,
  );

  test('reindex after all of it changes nothing that can be seen', async () => {
    await verify();
    await registry.pause();
    expect(await registry.command('reindex')).toMatchObject({ exitCode: 0 });
    await registry.restart();
    await verify();
  });
}

describe('the server survives SIGKILL', () => {
  describe('with the index in SQLite', () => {
    survivesSigkill(() => undefined, Number(process.env.RECOVERY_ROUNDS ?? 40));
  });

  describeWith(['postgres'], 'with the index in PostgreSQL', () => {
    let postgres: PostgresServer;
    beforeAll(async () => {
      postgres = await startPostgres();
    });
    afterAll(() => postgres.stop());

    survivesSigkill(() => ({ postgresql: { url: postgres.url } }), Number(process.env.RECOVERY_ROUNDS ?? 10));
  });
});
