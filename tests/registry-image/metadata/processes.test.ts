import { afterEach, expect, jest, test } from '@jest/globals';
import type { IndexDatabase } from '../../../registry-image/src/metadata/index-database.ts';
import { livingProcesses } from '../../../registry-image/src/metadata/processes.ts';
import { run } from '../../../registry-image/src/metadata/transaction.ts';
import { describeOnEachBackend } from './index-backends.ts';

/** A process says that it is alive each so many milliseconds. */
const BEAT_MS = 5_000;

describeOnEachBackend('processes that share an index', (index) => {
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  const living = async (database: IndexDatabase) => [...(await database.read(livingProcesses(database)))];

  /** Beats come when the test says so; everything else takes its time. */
  function holdBeats(): void {
    jest.useFakeTimers({
      doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'setTimeout', 'clearTimeout', 'Date', 'performance'],
    });
  }

  async function beat(): Promise<void> {
    jest.advanceTimersByTime(BEAT_MS);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }

  const expire = (database: IndexDatabase, id: string) =>
    database.write(() => run(database.queries.updateTable('processes').set({ alive_until: 1 }).where('id', '=', id)));

  test('are alive from the start to the end, and when they are buried', async () => {
    const first = await index.open();
    const second = await index.open();
    const database = index.connect();
    expect((await living(database)).sort()).toEqual([first.processes.id, second.processes.id].sort());
    await first.close();
    expect(await living(database)).toEqual([second.processes.id]);
    await (await index.open()).processes.bury(second.processes.id);
    expect(await living(database)).not.toContain(second.processes.id);
  });

  test('are alive by the clock of the database, whatever that of their machine says', async () => {
    const database = index.connect();
    jest.spyOn(Date, 'now').mockReturnValue(0);
    const late = await index.open();
    jest.restoreAllMocks();
    expect(await living(database)).toEqual([late.processes.id]);
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
    expect(await living(database)).toEqual([late.processes.id]);
  });

  test('are dead when they have not said for a while that they are alive', async () => {
    const silent = await index.open();
    const database = index.connect();
    await expire(database, silent.processes.id);
    expect(await living(database)).toEqual([]);
  });

  test('go on saying that they are alive', async () => {
    holdBeats();
    const process = await index.open();
    const database = index.connect();
    for (let time = 0; time < 3; time += 1) {
      await expire(database, process.processes.id);
      expect(await living(database)).toEqual([]);
      await beat();
      expect(await living(database)).toEqual([process.processes.id]);
    }
  });

  test('come back when they were taken for dead', async () => {
    holdBeats();
    const process = await index.open();
    const other = await index.open();
    await other.processes.bury(process.processes.id);
    await beat();
    expect(await living(index.connect())).toContain(process.processes.id);
  });

  test('go on after the database did not answer for once', async () => {
    holdBeats();
    const own = index.connect();
    const write = own.write.bind(own);
    const process = await index.open(own);
    const database = index.connect();
    own.write = async () => {
      throw new Error('no answer');
    };
    await expire(database, process.processes.id);
    await beat();
    expect(await living(database)).toEqual([]);
    own.write = write;
    await beat();
    expect(await living(database)).toEqual([process.processes.id]);
  });
});
