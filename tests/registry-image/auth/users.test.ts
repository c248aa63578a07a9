import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { hashSync } from '@node-rs/bcrypt';
import { HtpasswdFile, parseHtpasswd } from '../../../registry-image/src/auth/htpasswd-file.ts';
import { makeInitialUser } from '../../../registry-image/src/auth/initial-user.ts';
import { Users } from '../../../registry-image/src/auth/users.ts';
import { describeWith, findTool } from '../../support/requirements.ts';
import { runCommand } from '../../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

const ADDRESS = '192.0.2.1';
const line = (name: string, password: string) => `${name}:${hashSync(password, { cost: 4 })}\n`;

let directory: TemporaryDirectory;
let file: string;
beforeEach(() => {
  directory = temporaryDirectory('users');
  file = path.join(directory.path, 'htpasswd');
});
afterEach(() => directory.remove());

async function openUsers(reportFault: (fault: string) => void = () => {}): Promise<Users> {
  const opened = await HtpasswdFile.open(file, reportFault);
  if (!(opened instanceof HtpasswdFile)) throw new Error(opened.faults.join('\n'));
  return new Users(opened);
}

describe('a user', () => {
  test('logs in with the right password only', async () => {
    writeFileSync(file, line('ana', 'right'));
    const users = await openUsers();
    expect(await users.login({ username: 'ana', password: 'right' }, ADDRESS)).toBe(true);
    expect(await users.login({ username: 'ana', password: 'wrong' }, ADDRESS)).toBe(false);
    expect(await users.login({ username: 'nobody', password: 'right' }, ADDRESS)).toBe(false);
    expect(await users.login({ username: '', password: '' }, ADDRESS)).toBe(false);
  });

  test('who is added, changed or removed in the file is noticed at the next login', async () => {
    writeFileSync(file, line('ana', 'one'));
    const users = await openUsers();
    const login = (username: string, password: string) => users.login({ username, password }, ADDRESS);
    expect(await login('ana', 'one')).toBe(true);
    writeFileSync(file, line('ana', 'two') + line('bea', 'three'));
    expect([await login('ana', 'one'), await login('ana', 'two'), await login('bea', 'three')]).toEqual([
      false,
      true,
      true,
    ]);
    writeFileSync(file, line('bea', 'three'));
    expect([await login('ana', 'two'), await login('bea', 'three')]).toEqual([false, true]);
  });

  test('is not locked out by a faulty change of the file, which is reported once', async () => {
    writeFileSync(file, line('ana', 'one'));
    const reported: string[] = [];
    const users = await openUsers((fault) => reported.push(fault));
    const login = () => users.login({ username: 'ana', password: 'one' }, ADDRESS);
    writeFileSync(file, 'ana:plain\n');
    expect([await login(), await login()]).toEqual([true, true]);
    expect(reported).toEqual([expect.stringContaining('line 1 has no bcrypt hash for the user "ana"')]);
    rmSync(file);
    expect([await login(), await login()]).toEqual([true, true]);
    expect(reported).toHaveLength(2);
  });

  test('has an account that stops taking passwords after ten wrong ones, tried at once or in turn', async () => {
    writeFileSync(file, line('ana', 'right'));
    const users = await openUsers();
    const attempts = Array.from({ length: 25 }, (_, index) =>
      users.login({ username: 'ana', password: `wrong ${index}` }, ADDRESS).catch((error) => error.code),
    );
    const results = await Promise.all(attempts);
    expect(results.filter((result) => result === false)).toHaveLength(10);
    expect(results.filter((result) => result === 'TOOMANYREQUESTS')).toHaveLength(15);
    await expect(users.login({ username: 'ana', password: 'right' }, ADDRESS)).rejects.toThrow('too many requests');
  });

  test('may log in many times at once', async () => {
    writeFileSync(file, line('ci', 'right'));
    const users = await openUsers();
    const logins = Array.from({ length: 50 }, () => users.login({ username: 'ci', password: 'right' }, ADDRESS));
    expect(new Set(await Promise.all(logins))).toEqual(new Set([true]));
  });
});

describe('a user file', () => {
  const hash = hashSync('x', { cost: 4 });

  test('may have comments, blank lines and line ends of Windows', () => {
    const { hashes, faults } = parseHtpasswd(`# users\r\n\r\nana:${hash}\r\n   \nbea:${hash}`);
    expect(faults).toEqual([]);
    expect([...hashes.keys()]).toEqual(['ana', 'bea']);
  });

  test('with other hashes than bcrypt is refused, each line named with the command that repairs it', () => {
    const { faults } = parseHtpasswd(
      `ana:${hash}\nbea:$apr1$abc$def\ncem:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\ndee:$2y$05$short\nno colon\n`,
    );
    expect(faults).toEqual([
      expect.stringMatching(/^line 2 has no bcrypt hash for the user "bea".*htpasswd -B <file> bea$/),
      expect.stringMatching(/^line 3 has no bcrypt hash for the user "cem"/),
      expect.stringMatching(/^line 4 has a damaged bcrypt hash for the user "dee"/),
      'line 5 is not name:hash',
    ]);
  });

  test('is refused with a user twice, with a name that stands for a group, or with a hash that costs too much', () => {
    const { faults } = parseHtpasswd(
      `ana:${hash}\nana:${hash}\nanonymous:${hash}\n*:${hash}\nbea:${hash.replace('$04$', '$17$')}`,
    );
    expect(faults).toEqual([
      expect.stringContaining('line 2 names the user "ana" a second time'),
      expect.stringContaining('line 3 names the user "anonymous"'),
      expect.stringContaining('line 4 names the user "*"'),
      expect.stringContaining('line 5 has a bcrypt hash of cost 17'),
    ]);
  });

  test('that does not exist is a fault that says how to make it', async () => {
    expect(await HtpasswdFile.open(file, () => {})).toEqual({
      faults: [`${file} does not exist; make it with: htpasswd -B -c ${file} <name>`],
    });
  });

  test('gives unknown names a hash as dear as the others to be checked against', async () => {
    writeFileSync(file, `ana:${hashSync('x', { cost: 6 })}\n`);
    const opened = (await HtpasswdFile.open(file, () => {})) as HtpasswdFile;
    expect(opened.decoyHash).toMatch(/^\$2b\$06\$[./A-Za-z0-9]{53}$/);
  });
});

describeWith(['htpasswd'], 'a user file of Apache', () => {
  test('made by htpasswd -B lets its users in', async () => {
    await runCommand(findTool('htpasswd') as string, ['-B', '-b', '-c', file, 'ana', 'secret']);
    expect(readFileSync(file, 'utf8')).toContain('$2y$');
    expect(await (await openUsers()).login({ username: 'ana', password: 'secret' }, ADDRESS)).toBe(true);
  });

  test('made with its default hash is refused', async () => {
    await runCommand(findTool('htpasswd') as string, ['-b', '-c', file, 'ana', 'secret']);
    await expect(openUsers()).rejects.toThrow('line 1 has no bcrypt hash for the user "ana"');
  });
});

describe('the initial user', () => {
  const options = () => ({
    htpasswd: file,
    name: 'admin',
    passwordfile: path.join(directory.path, 'made', 'password'),
  });
  const password = () => readFileSync(options().passwordfile, 'utf8').trim();

  test('is made once, with a random password in a file that only its owner can read', async () => {
    expect(await makeInitialUser(options())).toBe(true);
    expect(statSync(options().passwordfile).mode & 0o777).toBe(0o600);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(password()).toMatch(/^[\w-]{24}$/);
    expect(await (await openUsers()).login({ username: 'admin', password: password() }, ADDRESS)).toBe(true);
    const before = readFileSync(file, 'utf8');
    expect(await makeInitialUser(options())).toBe(false);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  test('gets the password that was written before a crash', async () => {
    await makeInitialUser(options());
    const written = password();
    rmSync(file);
    chmodSync(options().passwordfile, 0o644);
    await makeInitialUser(options());
    expect(password()).toBe(written);
    expect(statSync(options().passwordfile).mode & 0o777).toBe(0o600);
    expect(await (await openUsers()).login({ username: 'admin', password: written }, ADDRESS)).toBe(true);
  });

  test('is the same for processes that start together', async () => {
    await Promise.all(Array.from({ length: 5 }, () => makeInitialUser(options())));
    expect(await (await openUsers()).login({ username: 'admin', password: password() }, ADDRESS)).toBe(true);
  });

  test('is not made over users that exist', async () => {
    writeFileSync(file, line('ana', 'one'));
    expect(await makeInitialUser(options())).toBe(false);
    expect(existsSync(options().passwordfile)).toBe(false);
  });
});
