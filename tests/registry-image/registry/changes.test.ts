import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Intent, IntentRow } from '../../../registry-image/src/metadata/intents.ts';
import { IntentLostError } from '../../../registry-image/src/metadata/intents.ts';
import { MetadataStore } from '../../../registry-image/src/metadata/metadata-store.ts';
import { openSqlite } from '../../../registry-image/src/metadata/sqlite.ts';
import { Changes, wholeRepository } from '../../../registry-image/src/registry/changes.ts';
import type { Digest } from '../../../registry-image/src/registry/digest.ts';
import type { RepositoryName, Tag } from '../../../registry-image/src/registry/reference.ts';
import { memoryRegistry, pushImage } from '../../support/memory-registry.ts';
import { image } from '../../support/oci-image.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

const whole = wholeRepository('app');
const tag: Intent = { repository: 'app', kind: 'tag', key: 'v1' };
const other: Intent = { repository: 'app', kind: 'tag', key: 'v2' };
const names = (rows: readonly Intent[]) => rows.map(({ kind, key }) => `${kind} ${key}`.trim()).sort();

/** A process that changes things, and notes what it followed up. */
interface ChangingProcess {
  readonly metadata: MetadataStore;
  readonly changes: Changes;
  readonly followedUp: string[][];
  storageIsAway: boolean;
}

describe('changes by several processes', () => {
  let directory: TemporaryDirectory;
  let first: ChangingProcess;
  let second: ChangingProcess;

  async function startProcess(): Promise<ChangingProcess> {
    const metadata = await MetadataStore.open(openSqlite(`${directory.path}/index.sqlite`));
    const followedUp: string[][] = [];
    const changes = new Changes(metadata, {
      followUp: async (intents: readonly IntentRow[]) => {
        if (process.storageIsAway) throw new Error('storage is away');
        followedUp.push(names(intents));
        await metadata.intents.withdraw(intents.map(({ id }) => id));
      },
    });
    const process: ChangingProcess = { metadata, changes, followedUp, storageIsAway: false };
    return process;
  }

  /** Makes a change up to its end, in the index too. */
  const make = ({ changes, metadata }: ChangingProcess, things: Intent[], notes: string[] = [], name = 'done') =>
    changes.run({
      things,
      make: async (intents) => {
        notes.push(`${name} begins`);
        await sleep(20);
        await metadata.intents.withdraw(intents);
        notes.push(`${name} ends`);
        return name;
      },
    });

  beforeEach(async () => {
    directory = temporaryDirectory('changes');
    first = await startProcess();
    second = await startProcess();
  });

  afterEach(async () => {
    jest.useRealTimers();
    await first.metadata.close();
    await second.metadata.close();
    directory.remove();
  });

  test('of the same thing take turns, in one process and in two', async () => {
    const notes: string[] = [];
    const all = [
      make(first, [whole, tag], notes, 'a'),
      make(second, [whole, tag], notes, 'b'),
      make(first, [whole, other], notes, 'c'),
      make(second, [tag], notes, 'd'),
    ];
    await Promise.all(all);
    for (let position = 0; position < notes.length; position += 2) {
      expect(notes[position + 1]?.split(' ')[0]).toBe(notes[position]?.split(' ')[0]);
    }
    expect([...first.followedUp, ...second.followedUp]).toEqual([]);
  });

  test('of different things go on side by side', async () => {
    const notes: string[] = [];
    await Promise.all([make(first, [tag], notes, 'a'), make(second, [other], notes, 'b')]);
    expect(notes.slice(0, 2)).toEqual(['a begins', 'b begins']);
  });

  test('that a dead process began are followed up before the next one of the same thing', async () => {
    await first.metadata.intents.declare([whole, tag]);
    await second.metadata.processes.bury(first.metadata.processes.id);
    expect(await make(second, [tag])).toBe('done');
    expect(second.followedUp).toEqual([['tag v1']]);
  });

  test('that a dead process began anywhere in a repository are followed up before one of the whole', async () => {
    await first.metadata.intents.declare([tag, { repository: 'app', kind: 'blob', key: 'sha256:a' }]);
    await second.metadata.processes.bury(first.metadata.processes.id);
    const seen: string[][] = [];
    await second.changes.run({
      things: [whole, other],
      check: async () => void seen.push(...second.followedUp),
      make: (intents) => second.metadata.intents.withdraw(intents),
    });
    expect(seen).toEqual([['blob sha256:a', 'tag v1']]);
  });

  test('that are refused have left nothing in the way', async () => {
    const refused = first.changes.run({
      things: [whole, tag],
      check: async () => {
        throw new Error('not allowed');
      },
      make: async () => 'done',
    });
    await expect(refused).rejects.toThrow('not allowed');
    expect(await make(second, [whole, tag])).toBe('done');
    expect([...first.followedUp, ...second.followedUp]).toEqual([]);
  });

  const failing = (process: ChangingProcess) =>
    process.changes.run({
      things: [whole, tag],
      make: async () => {
        throw new Error('half way');
      },
    });

  test('that fail half way are followed up at once', async () => {
    await expect(failing(first)).rejects.toThrow('half way');
    expect(first.followedUp).toEqual([['repository', 'tag v1']]);
  });

  test('that fail while storage is away are followed up by whoever comes next, which need not wait', async () => {
    first.storageIsAway = true;
    await expect(failing(first)).rejects.toThrow('half way');
    await expect(make(first, [tag])).rejects.toThrow('storage is away');
    const before = Date.now();
    expect(await make(second, [whole, other])).toBe('done');
    expect(Date.now() - before).toBeLessThan(2_000);
    expect(second.followedUp).toEqual([['repository', 'tag v1']]);
    first.storageIsAway = false;
    expect(await make(first, [tag])).toBe('done');
    expect(first.followedUp).toEqual([]);
  });

  test('that were taken over, because their process seemed dead, are announced and followed up again', async () => {
    const change = first.changes.run({
      things: [whole, tag],
      make: async (intents) => {
        await second.metadata.processes.bury(first.metadata.processes.id);
        await make(second, [whole, tag]);
        // Storage is written now, behind the back of those who have followed it up.
        await first.metadata.deleteTag('app', 'v1', { intents });
      },
    });
    await expect(change).rejects.toThrow(IntentLostError);
    expect(second.followedUp).toEqual([['repository', 'tag v1']]);
    expect(first.followedUp).toEqual([['repository', 'tag v1']]);
    expect(await make(second, [whole, tag])).toBe('done');
  });

  test('of which another process has taken over a part alone are followed up again as a whole', async () => {
    const change = first.changes.run({
      things: [whole, tag, other],
      make: async (intents) => {
        await second.metadata.intents.withdraw([intents[1] as string]);
        await first.metadata.deleteTag('app', 'v1', { intents });
      },
    });
    await expect(change).rejects.toThrow(IntentLostError);
    expect(first.followedUp).toEqual([['repository', 'tag v1', 'tag v2']]);
  });

  test('say which thing it is, when another process goes on changing it for too long', async () => {
    await second.metadata.intents.declare([tag]);
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'setInterval', 'performance'] });
    const change = make(first, [tag]).catch((error: Error) => error.message);
    let message: string | undefined;
    void change.then((text) => {
      message = text;
    });
    while (message === undefined) {
      jest.advanceTimersByTime(200);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(message).toContain(
      'the tag v1 of the repository app has been changed by another process for 60 s; try again',
    );
  });
});

test('pushes and deletes of one manifest at once, under several tags, all come to an end', async () => {
  const registry = await memoryRegistry();
  const repository = 'app' as RepositoryName;
  const pushed = image();
  const digest = (await pushImage(registry, repository, pushed, 'v1')) as Digest;
  const push = (name: string) => registry.manifests.put(repository, { tag: name as Tag }, pushed.manifest.bytes);
  const remove = () => registry.manifests.delete(repository, digest).catch(() => {});
  for (let time = 0; time < 20; time += 1) await Promise.all([push('v1'), remove(), push('v2'), remove(), push('v1')]);
});
