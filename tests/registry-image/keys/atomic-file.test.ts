import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createFile, replaceFile } from '../../../registry-image/src/keys/atomic-file.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

let directory: TemporaryDirectory;
let file: string;
beforeEach(() => {
  directory = temporaryDirectory('atomic-file');
  file = path.join(directory.path, 'file');
});
afterEach(() => directory.remove());

describe('a file', () => {
  test('is created once, by one of those who try at the same time, with the mode that was asked for', async () => {
    const tries = Array.from({ length: 8 }, (_, index) => createFile(file, `content ${index}`, 0o600));
    const created = await Promise.all(tries);
    expect(created.filter(Boolean)).toHaveLength(1);
    expect(readFileSync(file, 'utf8')).toBe(`content ${created.indexOf(true)}`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('that exists is left as it is by creating, and changed by replacing', async () => {
    writeFileSync(file, 'old');
    expect(await createFile(file, 'new', 0o644)).toBe(false);
    expect(readFileSync(file, 'utf8')).toBe('old');
    await replaceFile(file, 'new', 0o644);
    expect(readFileSync(file, 'utf8')).toBe('new');
  });

  test('is created in a directory that does not exist yet', async () => {
    expect(await createFile(path.join(directory.path, 'a/b/file'), 'x', 0o644)).toBe(true);
  });

  test('leaves nothing beside it', async () => {
    await createFile(file, 'one', 0o600);
    await createFile(file, 'two', 0o600);
    await replaceFile(file, 'three', 0o600);
    expect(readdirSync(directory.path)).toEqual(['file']);
  });

  test('that cannot be written leaves nothing behind', async () => {
    await expect(replaceFile(directory.path, 'x', 0o600)).rejects.toThrow();
    expect(readdirSync(directory.path)).toEqual([]);
  });
});
