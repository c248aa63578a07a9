import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DurabilityModel, readTrace } from '../../support/durability-model.ts';
import { describeWith } from '../../support/requirements.ts';
import { runCommand } from '../../support/run-command.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const PROGRAM = path.join(import.meta.dirname, 'durability-program.ts');
const SYSTEM_CALLS = '/^(f?access(at2?)?|openat|p?write(v|64)?|f(data)?sync|rename(at2?)?|mkdir(at)?)$';

describeWith(['strace'], 'what the filesystem driver has acknowledged, after a power failure', () => {
  const directory = temporaryDirectory('durability');
  const root = path.join(realpathSync(directory.path), 'root');
  let calls: ReturnType<typeof readTrace>;

  beforeAll(async () => {
    const log = path.join(directory.path, 'trace');
    const strace = ['-f', '-y', '-s', '4096', '-o', log, '-e', `trace=${SYSTEM_CALLS}`];
    await runCommand('strace', [...strace, process.execPath, PROGRAM, root]);
    calls = readTrace(readFileSync(log, 'utf8'));
  });
  afterAll(() => directory.remove());

  test.each([
    ['a small object', 'written', 'docker/registry/v2/repositories/a/_layers/sha256/x/link'],
    ['a small object that replaces another', 'replaced', 'docker/registry/v2/repositories/a/_layers/sha256/x/link'],
    ['a blob that was moved to its place', 'moved', 'docker/registry/v2/blobs/sha256/ab/abcd/data'],
  ])('%s is there with all its bytes, and all directories above it', (_what, mark, key) => {
    const model = DurabilityModel.at(`/marks/${mark}`, calls);
    expect(model.lossesOf(path.join(root, key), root)).toEqual([]);
  });

  test('an upload that was completed has all its bytes, wherever it is moved to', () => {
    const model = DurabilityModel.at('/marks/completed', calls);
    const losses = model.lossesOf(path.join(root, 'uploads/1/data'), root);
    expect(losses.filter((loss) => loss.startsWith('the bytes'))).toEqual([]);
  });

  test('never a name without its bytes: they are synced before a file is renamed', () => {
    expect(DurabilityModel.at('/marks/moved', calls).renamedUnsynced).toEqual([]);
  });

  test('the model sees what is not synced', () => {
    const unsynced = readTrace(
      [
        `1 mkdir("${root}/d", 0777) = 0`,
        `1 openat(AT_FDCWD, "${root}/d/t", O_WRONLY|O_CREAT, 0666) = 7<${root}/d/t>`,
        `1 pwrite64(7<${root}/d/t>, "x", 1, 0) = 1`,
        `2 fdatasync(7<${root}/d/t> <unfinished ...>`,
        `1 rename("${root}/d/t", "${root}/d/f") = 0`,
        '1 access("/marks/done", F_OK) = -1 ENOENT (No such file or directory)',
        '2 <... fdatasync resumed>) = 0',
      ].join('\n'),
    );
    const model = DurabilityModel.at('/marks/done', unsynced);
    expect(model.lossesOf(`${root}/d/f`, root)).toEqual([
      `the bytes of ${root}/d/f`,
      `the entry of ${root}/d/f`,
      `the entry of ${root}/d`,
    ]);
    expect(model.renamedUnsynced).toEqual([`${root}/d/f`]);
  });
});
