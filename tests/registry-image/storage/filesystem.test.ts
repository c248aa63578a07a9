import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CheckedDriver } from '../../../registry-image/src/storage/checked-driver.ts';
import { FilesystemDriver } from '../../../registry-image/src/storage/filesystem.ts';
import { ObjectNotFoundError } from '../../../registry-image/src/storage/storage-driver.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';
import { describeDriver } from './driver-suite.ts';

describeDriver('filesystem', async () => {
  const directory = temporaryDirectory('filesystem-driver');
  const open = () => FilesystemDriver.open({ rootdirectory: join(directory.path, 'root') });
  return { driver: await open(), reopen: open, stop: async () => directory.remove() };
});

describe('the directory of the filesystem driver', () => {
  let directory: TemporaryDirectory;
  let root: string;
  let driver: CheckedDriver;

  beforeEach(async () => {
    directory = temporaryDirectory('filesystem-driver');
    root = join(directory.path, 'root');
    driver = new CheckedDriver(await FilesystemDriver.open({ rootdirectory: root }));
  });
  afterEach(() => directory.remove());

  test('has an object as a file at its key', async () => {
    await driver.write('docker/registry/v2/blobs/x/data', Buffer.from('bytes'));
    expect(await readFile(join(root, 'docker/registry/v2/blobs/x/data'), 'utf8')).toBe('bytes');
  });

  test('loses the directories that a delete, a move or a cancelled upload leaves empty, but never itself', async () => {
    await driver.write('docker/a/b/c/link', Buffer.from('x'));
    await driver.delete('docker/a/b/c/link');
    await driver.write('from/deep/down', Buffer.from('x'));
    await driver.move('from/deep/down', 'to');
    await (await driver.openUpload('uploads/1/data')).cancel();
    expect(await readdir(root)).toEqual(['to', 'uploads']);
    expect(await readdir(join(root, 'uploads'))).toEqual(['.tmp']);
  });

  test('keeps no temporary file after a write, also not after one that failed', async () => {
    await driver.write('file', Buffer.from('x'));
    await expect(driver.write('file/below-a-file', Buffer.from('y'))).rejects.toThrow(
      /could not write file\/below-a-file/,
    );
    expect(await readdir(join(root, 'uploads/.tmp'))).toEqual([]);
  });

  test('is cleaned at opening of the temporary files of a process that died, and of nothing else', async () => {
    const hoursAgo = new Date(Date.now() - 2 * 60 * 60 * 1000);
    await driver.write('uploads/1/data', Buffer.from('x'));
    for (const file of ['uploads/.tmp/stale', 'uploads/.tmp/fresh']) await writeFile(join(root, file), 'x');
    for (const file of ['uploads/.tmp/stale', 'uploads/1/data']) await utimes(join(root, file), hoursAgo, hoursAgo);
    await FilesystemDriver.open({ rootdirectory: root });
    expect(await readdir(join(root, 'uploads/.tmp'))).toEqual(['fresh']);
    expect((await driver.stat('uploads/1/data')).size).toBe(1);
  });

  test('does not show temporary files in a list', async () => {
    await writeFile(join(root, 'uploads/.tmp/another'), 'x');
    await driver.write('uploads/1/data', Buffer.from('x'));
    const keys = [];
    for await (const { key } of driver.list('')) keys.push(key);
    expect(keys).toEqual(['uploads/1/data']);
  });

  test.each([
    ['a directory', 'link/secret'],
    ['a file', 'secret-link'],
  ])('does not lead outside through a symbolic link to %s', async (_what, key) => {
    const outside = join(directory.path, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    await symlink(outside, join(root, 'link'));
    await symlink(join(outside, 'secret'), join(root, 'secret-link'));
    await symlink(join(outside, 'created'), join(root, 'dangling-link'));

    const calls = [
      () => driver.read(key),
      () => driver.stat(key),
      () => driver.move(key, 'stolen'),
      async () => driver.filePath?.(key),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toThrow(/leads to .*outside/);
    }
    await expect(driver.openUpload(key)).rejects.toThrow(/could not open the upload/);
    await expect(driver.openUpload('dangling-link')).rejects.toThrow(/could not open the upload/);
    await expect(driver.write('link/new', Buffer.from('x'))).rejects.toThrow(/leads to .*outside/);
    await expect(driver.delete('link/secret')).rejects.toThrow(/leads to .*outside/);
    await expect(async () => {
      for await (const _entry of driver.list('link/')) break;
    }).rejects.toThrow(/leads to .*outside/);
    await driver.delete('secret-link');
    expect(await readdir(outside)).toEqual(['secret']);
  });

  test('says where the file of an object is below it, with links resolved', async () => {
    await driver.write('docker/blobs/data', Buffer.from('x'));
    await symlink(join(root, 'docker/blobs'), join(root, 'docker/linked'));
    expect(await driver.filePath?.('docker/blobs/data')).toBe('docker/blobs/data');
    expect(await driver.filePath?.('docker/linked/data')).toBe('docker/blobs/data');
    await expect(driver.filePath?.('docker/blobs/lost')).rejects.toBeInstanceOf(ObjectNotFoundError);
  });

  test('may be a symbolic link itself', async () => {
    await symlink(root, join(directory.path, 'link-to-root'));
    const linked = await FilesystemDriver.open({ rootdirectory: join(directory.path, 'link-to-root') });
    await linked.write('a/b', Buffer.from('x'));
    expect((await driver.stat('a/b')).size).toBe(1);
  });

  test('that is a file, or cannot be created, is refused with what to do', async () => {
    await writeFile(join(directory.path, 'file'), '');
    for (const rootdirectory of [join(directory.path, 'file'), '/proc/registry']) {
      await expect(FilesystemDriver.open({ rootdirectory })).rejects.toThrow(
        /rootdirectory: .* must be a directory that this process \(user \d+, group \d+\) can write to, but .*; give the directory/,
      );
    }
  });
});
