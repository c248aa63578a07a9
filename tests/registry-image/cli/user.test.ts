import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { verify } from '@node-rs/bcrypt';
import { stringify } from 'yaml';
import { MAIN } from '../../support/registry-process.ts';
import { tryCommand } from '../../support/run-command.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const directory = temporaryDirectory('user');
afterAll(() => directory.remove());

const USERS = path.join(directory.path, 'htpasswd');
const CONFIG = path.join(directory.path, 'config.yml');
writeFileSync(
  CONFIG,
  stringify({
    version: 0.1,
    storage: 'inmemory',
    auth: { token: { realm: 'https://registry.example.com/jwt/auth', service: 's', issuer: 'i' } },
    tokenendpoint: { htpasswd: USERS, privatekey: path.join(directory.path, 'key.pem') },
  }),
);

function user(args: readonly string[], input = '') {
  return tryCommand(process.execPath, [MAIN, 'user', ...args], { input });
}

function hashOf(name: string): string {
  return (
    /^[^:]+:(.*)$/.exec(
      readFileSync(USERS, 'utf8')
        .split('\n')
        .find((line) => line.startsWith(`${name}:`)) ?? '',
    )?.[1] ?? ''
  );
}

describe('registry user', () => {
  beforeEach(() => rmSync(USERS, { force: true }));

  test('add makes the file with mode 0600, and prints a random password once, alone on standard output', async () => {
    const { exitCode, stdout, stderr } = await user(['add', CONFIG, 'alice']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: `user alice added to ${USERS}\n` });
    expect(statSync(USERS).mode & 0o777).toBe(0o600);
    expect(hashOf('alice')).toMatch(/^\$2[aby]\$12\$/);
    expect(await verify(stdout.trim(), hashOf('alice'))).toBe(true);
  });

  test('add --password-stdin takes the password that it is given, without its line end, and prints nothing', async () => {
    const { stdout } = await user(['add', '--password-stdin', CONFIG, 'alice'], 'correct horse\n');
    expect(stdout).toBe('');
    expect(await verify('correct horse', hashOf('alice'))).toBe(true);
  });

  test('add gives an existing user a new password, and leaves comments, other users and the readers of the file', async () => {
    await user(['add', CONFIG, 'alice']);
    const alice = readFileSync(USERS, 'utf8').trim();
    writeFileSync(USERS, `# staff\n\n${alice}\n${alice.replace('alice', 'alice2')}`);
    chmodSync(USERS, 0o644);
    const { stderr } = await user(['add', '--password-stdin', CONFIG, 'alice'], 'correct horse');
    expect(stderr).toContain('has a new password');
    const lines = readFileSync(USERS, 'utf8').split('\n');
    expect(lines).toEqual(['# staff', '', expect.stringMatching(/^alice:/), alice.replace('alice', 'alice2'), '']);
    expect(lines[2]).not.toBe(alice);
    expect(statSync(USERS).mode & 0o777).toBe(0o640);
  });

  test('list prints the names, and remove removes one', async () => {
    for (const name of ['alice', 'bob']) await user(['add', '--password-stdin', CONFIG, name], 'correct horse');
    expect((await user(['list', CONFIG])).stdout).toBe('alice\nbob\n');
    expect((await user(['remove', CONFIG, 'alice'])).exitCode).toBe(0);
    expect((await user(['list', CONFIG])).stdout).toBe('bob\n');
    const again = await user(['remove', CONFIG, 'alice']);
    expect(again).toMatchObject({ exitCode: 1, stderr: `${USERS} has no user alice; it has bob\n` });
  });

  test.each([
    ['a name that stands for a group', 'anonymous', 'correct horse', /cannot be the name of a user/],
    ['a name with a colon', 'a:b', 'correct horse', /cannot be the name of a user/],
    ['a short password', 'alice', 'secret', /has 6 bytes; allowed are 8 characters to 72 bytes/],
    ['a password longer than bcrypt looks at', 'alice', 'é'.repeat(37), /has 74 bytes/],
  ])('add refuses %s, and writes nothing', async (_what, name, password, message) => {
    const { exitCode, stderr } = await user(['add', '--password-stdin', CONFIG, name], password);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringMatching(message) });
    expect(existsSync(USERS)).toBe(false);
  });

  test('a file with faults is left as it is', async () => {
    writeFileSync(USERS, 'alice:plain\n');
    const { exitCode, stderr } = await user(['add', CONFIG, 'bob']);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringMatching(/left as it is, for it has faults: line 1/),
    });
    expect(readFileSync(USERS, 'utf8')).toBe('alice:plain\n');
  });
});
