import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { BackgroundProcess } from '../../support/background-process.ts';
import { freePort } from '../../support/free-port.ts';
import { MAIN } from '../../support/registry-process.ts';
import { describeUnless } from '../../support/requirements.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

describeUnless(process.platform === 'linux' ? undefined : 'reads /proc of Linux', 'registry serve', () => {
  let directory: TemporaryDirectory;
  let server: BackgroundProcess | undefined;
  beforeEach(() => {
    directory = temporaryDirectory('serve');
  });
  afterEach(async () => {
    await server?.stop();
    directory.remove();
  });

  /** Threads that work on files in a server with this option. */
  async function fileThreads(maxthreads: number | undefined, env: Record<string, string> = {}): Promise<number> {
    const address = `127.0.0.1:${await freePort()}`;
    const filesystem = { rootdirectory: path.join(directory.path, 'data'), ...(maxthreads && { maxthreads }) };
    const file = path.join(directory.path, 'config.yml');
    const http = { addr: address, processes: 1 };
    writeFileSync(file, stringify({ version: 0.1, storage: { filesystem }, auth: 'none', http }));
    server = await BackgroundProcess.start(process.execPath, [MAIN, 'serve', file], {
      env,
      isReady: async () => (await fetch(`http://${address}/readyz`)).ok,
    });
    const tasks = `/proc/${server.pid}/task`;
    const names = readdirSync(tasks).map((task) => readFileSync(`${tasks}/${task}/comm`, 'utf8').trim());
    return names.filter((name) => name === 'libuv-worker').length;
  }

  test('has as many threads for files as storage.filesystem.maxthreads says', async () => {
    expect(await fileThreads(19)).toBe(19);
  });

  test('leaves the number to the environment where that says one', async () => {
    expect(await fileThreads(19, { UV_THREADPOOL_SIZE: '7' })).toBe(7);
  });
});
