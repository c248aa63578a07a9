import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { tryCommand } from '../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts';
import { MAIN } from './image-archive.ts';

describe('npm run image says in one line what to do when', () => {
  let directory: TemporaryDirectory;

  beforeEach(() => {
    directory = temporaryDirectory('image-faults');
  });

  afterEach(() => directory.remove());

  /** What it complains about, without the progress that it reports. */
  async function complaint(args: readonly string[], env: Record<string, string> = {}, main = MAIN) {
    const { exitCode, stdout, stderr } = await tryCommand(process.execPath, [main, ...args], { env });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    return stderr.trim().split('\n').at(-1);
  }

  test('the packages are not installed', async () => {
    const main = path.join(directory.path, 'scripts/image/main.mjs');
    mkdirSync(path.dirname(main), { recursive: true });
    cpSync(MAIN, main);
    expect(await complaint([], {}, main)).toMatch(/not installed; run: npm ci$/);
  });

  test('the machine has no apt-get', async () => {
    symlinkSync(process.execPath, path.join(directory.path, 'node'));
    expect(await complaint([], { PATH: directory.path })).toMatch(
      /no apt-get .*; build with a container engine instead: docker build -f registry-image\/Dockerfile/,
    );
  });

  test('an option is unknown', async () => {
    expect(await complaint(['--outptu', 'x'])).toMatch(/--outptu.*npm run image -- --help/);
  });

  test('SOURCE_DATE_EPOCH is not a number of seconds', async () => {
    expect(await complaint([], { SOURCE_DATE_EPOCH: 'yesterday' })).toMatch(
      /SOURCE_DATE_EPOCH is yesterday; it must be a number of seconds since 1970/,
    );
  });
});
