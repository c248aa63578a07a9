import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NOT_LINUX } from '../support/linux-processes.ts';
import { randomBlob } from '../support/oci-image.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type RegistryOptions, type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeUnless, describeWith } from '../support/requirements.ts';
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
const KILLED_REINDEXES = 2;

/** What one round may take, start and checks included, in milliseconds. */
const ROUND_TIMEOUT_MS = 30_000;

/** A server, or several over one storage and one index. */
interface Fleet {
  readonly servers: readonly RegistryProcess[];
  /** Ends some of its processes with SIGKILL. @returns brings everything up again */
  kill(random: SeededRandom): Promise<() => Promise<void>>;
  /** Counts out processes that are known to be dead; else they count as alive for a while. */
  bury(): Promise<void>;
  stop(): Promise<void>;
}

/** One server, which is killed as a whole, or one of its further processes. */
async function oneServer(options: RegistryOptions = {}): Promise<Fleet> {
  const server = await startRegistry(options);
  return {
    servers: [server],
    kill: async (random) => {
      if ((options.processes ?? 1) > 1 && random.below(1) < 0.5) {
        await server.killFurther();
        return async () => {};
      }
      await server.kill();
      return () => server.restart();
    },
    bury: async () => {},
    stop: () => server.stop(),
  };
}

/** Two servers over one database and one directory, of which one is killed, or both. */
async function twoServers(postgres: PostgresServer): Promise<Fleet> {
  const index = { postgresql: { url: postgres.url } };
  const first = await startRegistry({ config: { index } });
  const storage = { filesystem: { rootdirectory: first.storageDirectory }, delete: { enabled: true } };
  const second = await startRegistry({ config: { index, storage } });
  const processes = () => postgres.query('select id from processes');
  const [idOfFirst] = await processes();
  const ids = new Map([
    [first, idOfFirst],
    [second, (await processes()).find((id) => id !== idOfFirst)],
  ]);

  async function restart(server: RegistryProcess): Promise<void> {
    await postgres.query(`delete from processes where id = '${ids.get(server)}'`);
    const others = await processes();
    await server.restart();
    ids.set(
      server,
      (await processes()).find((id) => !others.includes(id)),
    );
  }

  return {
    servers: [first, second],
    kill: async (random) => {
      const killed = random.pick([[first], [second], [first, second]]);
      await Promise.all(killed.map((server) => server.kill()));
      return async () => {
        for (const server of killed) await restart(server);
      };
    },
    bury: async () => void (await postgres.query('delete from processes')),
    stop: async () => {
      for (const server of [second, first]) await server.stop();
    },
  };
}

function survivesSigkill(start: () => Promise<Fleet>, rounds: number): void {
  const random = new SeededRandom(SEED);
  const shared = randomBlob(50_000);
  const expected = REPOSITORIES.map((name) => new ExpectedRepository(name));
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await start();
  });
  afterAll(() => fleet.stop());

  const first = () => fleet.servers[0] as RegistryProcess;

  async function verify(): Promise<void> {
    const client = random.pick(fleet.servers).client();
    try {
      for (const repository of expected) await repository.verify(client);
    } finally {
      client.close();
    }
  }

  async function pause(): Promise<void> {
    for (const server of fleet.servers) await server.pause();
  }

  async function restart(): Promise<void> {
    await fleet.bury();
    for (const server of fleet.servers) await server.restart();
  }

  /** Kills once something has been acknowledged, however slow the machine is: else nothing could be lost. */
  async function disturbAndKill(): Promise<() => Promise<void>> {
    const clients = expected.map((_, position) => (fleet.servers[position % fleet.servers.length] ?? first()).client());
    const acknowledged = Promise.withResolvers<void>();
    let killed = false;
    const running = clients.map((client, position) => {
      const repository = expected[position] as ExpectedRepository;
      return new RestlessClient(client, repository, random, shared).run(() => killed, acknowledged.resolve);
    });
    const outcome = Promise.all(running);
    await Promise.race([acknowledged.promise.then(() => sleep(random.integer(LONGEST_ROUND_MS))), outcome]);
    killed = true;
    const recover = await fleet.kill(random);
    await outcome;
    for (const client of clients) client.close();
    return recover;
  }

  test(
    `${rounds} times killed in the middle of pushes and deletes: what was acknowledged is there, and nothing is half there`,
    async () => {
      for (let round = 0; round < rounds; round++) {
        try {
          const recover = await disturbAndKill();
          const [server] = fleet.servers.filter(({ pids }) => pids.length === 0);
          if (server !== undefined && round % STARTS_BETWEEN_KILLED_ONES === 0) {
            await server.interrupt('serve', random.integer(START_MS));
          }
          await recover();
          await verify();
        } catch (error) {
          const logs = fleet.servers.map(({ log }) => log).join('\n');
          throw new Error(`in round ${round} with RECOVERY_SEED=${SEED}: ${(error as Error).message}\n${logs}`, {
            cause: error,
          });
        }
      }
    },
    rounds * ROUND_TIMEOUT_MS,
  );

  test(
    'a reindex that is killed is made up for by the next start',
    async () => {
      await verify();
      await pause();
      for (let time = 0; time < KILLED_REINDEXES; time++) {
        await fleet.bury();
        await first().interrupt('reindex', random.integer(START_MS));
        await restart();
        await verify();
        await pause();
      }
      await restart();
    },
    KILLED_REINDEXES * ROUND_TIMEOUT_MS,
  );

  test('reindex after all of it changes nothing that can be seen', async () => {
    await verify();
    await pause();
    expect(await first().command('reindex')).toMatchObject({ exitCode: 0 });
    await restart();
    await verify();
  });
}

const roundsOr = (rounds: number) => Number(process.env.RECOVERY_ROUNDS ?? rounds);

describe('the server survives SIGKILL', () => {
  describe('with the index in SQLite', () => {
    survivesSigkill(() => oneServer(), roundsOr(15));
  });

  describeUnless(NOT_LINUX, 'of one of two processes, or of both', () => {
    survivesSigkill(() => oneServer({ processes: 2 }), roundsOr(8));
  });

  describeWith(['postgres'], 'as one of two servers over one PostgreSQL, or both', () => {
    let postgres: PostgresServer;
    beforeAll(async () => {
      postgres = await startPostgres();
    });
    afterAll(() => postgres.stop());

    survivesSigkill(() => twoServers(postgres), roundsOr(6));
  });
});
