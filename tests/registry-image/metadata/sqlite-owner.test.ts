import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { joinSqlite, ownSqlite } from '../../../registry-image/src/metadata/sqlite-owner.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

const WRITER = path.join(import.meta.dirname, 'sqlite-writer.ts');

describe('an SQLite index', () => {
  let directory: TemporaryDirectory;
  let file: string;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    directory = temporaryDirectory('owner');
    file = path.join(directory.path, 'not there yet', 'index.sqlite');
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    directory.remove();
  });

  async function ownElsewhere(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [WRITER, file, 'hold'], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    return child;
  }

  test('belongs to one server; another one is told what to do', async () => {
    await ownElsewhere();
    expect(() => ownSqlite(file)).toThrow(
      `${file} is in use by another server; stop that first, or set index.postgresql for several servers over one storage`,
    );
  });

  test('is free as soon as the process that had it has ended, however it ended', async () => {
    const child = await ownElsewhere();
    child.kill('SIGKILL');
    await once(child, 'exit');
    ownSqlite(file)();
  });

  test('is free again when it is let go', () => {
    ownSqlite(file)();
    ownSqlite(file)();
  });

  test('is shared by the further processes of its server, and free for another server when they have all ended', async () => {
    const disown = ownSqlite(file);
    const leave = [joinSqlite(file), joinSqlite(file)];
    disown();
    // The lock is waited for without giving way, so somebody else must let go of it.
    leave[0]?.();
    const other = ownElsewhere();
    let isOwned = false;
    void other.then(() => {
      isOwned = true;
    });
    await sleep(1_500);
    expect(isOwned).toBe(false);
    leave[1]?.();
    await other;
  });
});
