import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type CommandResult, tryCommand } from '../support/run-command.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const PROGRAM = path.resolve(import.meta.dirname, '../../scripts/soak/push.ts');

describe('npm run soak:push', () => {
  const directory = temporaryDirectory('soak');
  afterAll(() => directory.remove());

  function soak(...args: string[]): Promise<CommandResult> {
    return tryCommand(process.execPath, [PROGRAM, '--directory', directory.path, ...args]);
  }

  test.each([
    ['a directory', 'filesystem'],
    ['a store that speaks the protocol of S3', 's3'],
  ])(
    'pushes to %s in chunks, with the server killed in between, and pulls back what it pushed',
    async (_what, driver) => {
      const { exitCode, stdout, stderr } = await soak(
        ...['--driver', driver, '--size', '96MiB', '--chunk', '32MiB', '--kill', '1', '--bound', '2GiB'],
      );
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toMatch(
        /^idle: \d+ MiB \(RSS \d+\) in \d+ processes\npush: 0\.09 GiB in .*\npull: 0\.09 GiB in .*\n/,
      );
      expect(stdout).toMatch(/\nverdict: good: .* the digest is right; the server was killed 1 times\n$/);
    },
  );

  test('fails when the memory goes above its bound', async () => {
    const { exitCode, stdout } = await soak('--size', '64MiB', '--bound', '1KiB');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/\nverdict: too much: \d+ MiB over idle at most/);
  });

  test.each([
    [['--size', '9999999GiB'], /has [\d.]+ GiB free, and [\d.]+ GiB are needed; choose a smaller --size/],
    [['--size', 'big'], /--size takes a size such as 512MiB or 20GiB, not "big"/],
    [
      ['--driver', 'floppy'],
      /--driver takes filesystem or s3, not "floppy"; other stores go into a file for --storage/,
    ],
    [['--kill', '-1'], /--kill/],
    [['--fast'], /--fast.*npm run soak:push -- --help shows the options/s],
  ])('refuses %j with what to do', async (args, message) => {
    const { exitCode, stdout, stderr } = await soak(...args);
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 1, stdout: '', stderr: expect.stringMatching(message) });
  });
});
