import { mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FilesystemDriver } from '../../../registry-image/src/storage/filesystem.ts';
import { directorySteps } from '../../../registry-image/src/storage/filesystem-preflight.ts';
import { describeUnless } from '../../support/requirements.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

async function run(action: string, root: string) {
  return directorySteps(root)
    .find((step) => step.action === action)
    ?.run();
}

describe('the preflight of a directory', () => {
  let directory: TemporaryDirectory;
  beforeEach(() => {
    directory = temporaryDirectory('preflight');
  });
  afterEach(() => directory.remove());

  test('looks at the upper directories of the layout, and creates and leaves nothing', async () => {
    const driver = await FilesystemDriver.open({ rootdirectory: directory.path });
    await driver.write('docker/registry/v2/blobs/sha256/ab/abcd/data', Buffer.from('x'));
    await driver.write('docker/registry/v2/repositories/group/project/_layers/sha256/abcd/link', Buffer.from('x'));
    const before = readdirSync(directory.path, { recursive: true });
    // The root, docker, registry, v2, blobs, sha256, ab, repositories, group and uploads.
    expect(await run('directories', directory.path)).toEqual({ note: '10 directories can be read and changed' });
    expect(await run('space', directory.path)).toEqual({ note: expect.stringMatching(/GiB are free/) });
    expect(await run('durability', directory.path)).toEqual({ note: expect.stringMatching(/can be synced/) });
    expect(readdirSync(directory.path, { recursive: true })).toEqual(before);
  });

  test.each(['directories', 'space', 'durability'])(
    'has nothing to say about the %s of one that is not there',
    async (action) => {
      expect(await run(action, path.join(directory.path, 'missing'))).toEqual({
        skipped: 'the directory does not exist',
      });
    },
  );
});

/** `f_type` of tmpfs: https://man7.org/linux/man-pages/man2/statfs.2.html */
const TMPFS = 0x01021994;
const SHARED_MEMORY = '/dev/shm';

function isTmpfs(): boolean {
  try {
    return statfsSync(SHARED_MEMORY).type === TMPFS;
  } catch {
    return false;
  }
}

describeUnless(
  isTmpfs() ? undefined : `${SHARED_MEMORY} is no tmpfs here`,
  'the preflight of a directory in memory',
  () => {
    test('says that everything is gone when the machine ends', async () => {
      const root = mkdtempSync(path.join(SHARED_MEMORY, 'preflight-'));
      try {
        expect(await run('durability', root)).toEqual({
          note: 'files and directories can be synced; it is tmpfs: everything is gone when this machine ends',
        });
      } finally {
        rmSync(root, { recursive: true });
      }
    });
  },
);
