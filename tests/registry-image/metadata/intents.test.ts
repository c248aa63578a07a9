import { beforeEach, expect, test } from '@jest/globals';
import type { IndexDatabase } from '../../../registry-image/src/metadata/index-database.ts';
import { type Conflicts, type Intent, IntentLostError } from '../../../registry-image/src/metadata/intents.ts';
import type { MetadataStore } from '../../../registry-image/src/metadata/metadata-store.ts';
import { describeOnEachBackend } from './index-backends.ts';

const blob = (key: string, repository = 'app'): Intent => ({ repository, kind: 'blob', key });
const tag = (key: string): Intent => ({ repository: 'app', kind: 'tag', key });
const whole: Intent = { repository: 'app', kind: 'repository', key: '' };

describeOnEachBackend('intents of several processes', (index) => {
  let first: MetadataStore;
  let second: MetadataStore;

  beforeEach(async () => {
    first = await index.open();
    second = await index.open();
  });

  async function declared(process: MetadataStore, ...things: Intent[]): Promise<string[]> {
    const ids = await process.intents.declare(things);
    expect(ids).toHaveLength(things.length);
    return ids as string[];
  }

  /** What is in the way of an intent, as things. */
  async function inTheWay(process: MetadataStore, ...things: Intent[]) {
    const answer = (await process.intents.declare(things)) as Conflicts;
    const thing = ({ repository, kind, key }: Intent) => ({ repository, kind, key });
    return { underWay: answer.underWay.map(thing), abandoned: answer.abandoned.map(thing) };
  }

  test('never stand for the same thing twice, until the first is withdrawn', async () => {
    const ids = await declared(first, blob('a'));
    expect(await inTheWay(second, blob('a'))).toEqual({ underWay: [blob('a')], abandoned: [] });
    await first.intents.withdraw(ids);
    await declared(second, blob('a'));
  });

  test('are declared by one of many that want the same at once', async () => {
    const wanting = [first, second, await index.open(), await index.open()];
    const answers = await Promise.all(
      [...wanting, ...wanting].map(({ intents }) => intents.declare([tag('v1'), tag('v2')])),
    );
    expect(answers.filter((answer) => Array.isArray(answer))).toHaveLength(1);
  });

  test('are declared all or none', async () => {
    await declared(first, tag('v1'));
    expect(await inTheWay(second, whole, tag('v0'), tag('v1'))).toEqual({ underWay: [tag('v1')], abandoned: [] });
    await declared(first, whole, tag('v0'));
  });

  test('stand in nobody else’s way', async () => {
    await declared(first, whole, tag('v1'), blob('a'));
    await declared(second, blob('b'), { repository: 'other', kind: 'repository', key: '' }, blob('a', 'other'));
  });

  test('are abandoned when their process has ended', async () => {
    await declared(first, whole, tag('v1'));
    await second.processes.bury(first.processes.id);
    expect(await inTheWay(second, tag('v1'))).toEqual({ underWay: [], abandoned: [tag('v1')] });
    const abandoned = await second.intents.listAbandoned();
    expect(abandoned.map(({ kind }) => kind).sort()).toEqual(['repository', 'tag']);
  });

  test('of a dead process are all in the way of whoever wants its repository, since the index may be behind storage', async () => {
    await declared(first, blob('deleted'), tag('v1'));
    await declared(first, blob('elsewhere', 'other'));
    await second.processes.bury(first.processes.id);
    const { underWay, abandoned } = await inTheWay(second, whole, tag('v2'));
    expect(underWay).toEqual([]);
    expect(abandoned.sort((a, b) => a.key.localeCompare(b.key))).toEqual([blob('deleted'), tag('v1')]);
    // The refused ones have left nothing behind.
    await declared(second, tag('v2'));
  });

  test('of a living process for blobs do not keep others from the repository', async () => {
    await declared(first, blob('a'));
    await declared(second, whole, tag('v1'));
  });

  test('that a living process has let go of are abandoned for itself at once, and for others when it says so', async () => {
    first.intents.letGo(await declared(first, tag('v1')));
    expect(await inTheWay(first, tag('v1'))).toEqual({ underWay: [], abandoned: [tag('v1')] });
    expect(await inTheWay(second, tag('v1'))).toEqual({ underWay: [tag('v1')], abandoned: [] });
    await first.intents.tidy();
    expect(await inTheWay(second, tag('v1'))).toEqual({ underWay: [], abandoned: [tag('v1')] });
    expect(await second.intents.listAbandoned()).toHaveLength(1);
  });

  test('that a living process is at work on are not let go by tidying', async () => {
    await declared(first, tag('v1'));
    await first.intents.tidy();
    expect(await inTheWay(second, tag('v1'))).toEqual({ underWay: [tag('v1')], abandoned: [] });
  });

  test('that were declared though the answer of the database was lost are abandoned, not held for ever', async () => {
    const losing = new LosingAnswers(index.connect());
    const third = await index.open(losing);
    losing.isLosing = true;
    await expect(third.intents.declare([tag('v1')])).rejects.toThrow('connection lost');
    losing.isLosing = false;
    await third.intents.tidy();
    expect(await inTheWay(second, tag('v1'))).toEqual({ underWay: [], abandoned: [tag('v1')] });
  });

  test('are found by their ids while they are there', async () => {
    const ids = await declared(first, tag('v1'), tag('v2'));
    await second.intents.withdraw([ids[0] as string]);
    expect(await first.intents.find(ids)).toMatchObject([{ id: ids[1], ...tag('v2'), holder: first.processes.id }]);
    expect(await first.intents.find([])).toEqual([]);
  });

  test('that were taken over keep their change from doing anything', async () => {
    const ids = await declared(first, blob('sha256:a'), blob('sha256:b'));
    await second.intents.withdraw([ids[1] as string]);
    const change = first.linkBlob('app', { digest: 'sha256:a', size: 1 }, { intents: ids });
    await expect(change).rejects.toThrow(IntentLostError);
    expect(await second.findBlob('app', 'sha256:a')).toBeUndefined();
    expect(await second.hasRepository('app')).toBe(false);
    // What is left of them is still there to be followed up.
    expect(await first.intents.find(ids)).toHaveLength(1);
  });

  test('are followed up by one of two', async () => {
    const ids = await declared(first, blob('sha256:a'));
    await second.processes.bury(first.processes.id);
    const third = await index.open();
    const outcomes = await Promise.allSettled(
      [second, third].map((process) => process.linkBlob('app', { digest: 'sha256:a', size: 1 }, { intents: ids })),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});

/** A database whose transactions happen, and whose answers are lost on their way. */
class LosingAnswers implements IndexDatabase {
  readonly #database: IndexDatabase;
  isLosing = false;

  constructor(database: IndexDatabase) {
    this.#database = database;
  }

  get backend() {
    return this.#database.backend;
  }

  get queries() {
    return this.#database.queries;
  }

  read: IndexDatabase['read'] = (work) => this.#database.read(work);

  write: IndexDatabase['write'] = async (work, options) => {
    const result = await this.#database.write(work, options);
    if (this.isLosing) throw new Error('connection lost');
    return result;
  };

  async close(): Promise<void> {}
}
