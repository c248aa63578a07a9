import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { MAIN } from '../../support/registry-process.ts';
import { tryCommand } from '../../support/run-command.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const directory = temporaryDirectory('cli');
afterAll(() => directory.remove());

const GOOD = path.join(directory.path, 'good.yml');
writeFileSync(
  GOOD,
  'version: 0.1\nstorage: inmemory\nauth: none\nredis: {addr: "localhost:6379"}\nhttp: {secret: swordfish}\n',
);
const BAD = path.join(directory.path, 'bad.yml');
writeFileSync(BAD, 'version: 0.1\nstorage: {}\nhttp: {adr: ":5000"}\n');

function registry(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return tryCommand(process.execPath, [MAIN, ...args], { env });
}

describe('registry config check', () => {
  test('passes a good file, with its warnings on standard output', async () => {
    const { exitCode, stdout, stderr } = await registry(['config', 'check', GOOD]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(
      /^warning: http\.secret has no effect: .*\nwarning: redis has no effect: .*\n.*good\.yml is valid\n$/,
    );
  });

  test('fails a bad one, with every fault on standard error', async () => {
    const { exitCode, stdout, stderr } = await registry(['config', 'check', BAD]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(
      /bad\.yml has 2 faults:\n {2}storage: needs exactly one driver .*\n {2}http\.adr: .* did you mean addr\?/,
    );
  });

  test('--json says the same to scripts', async () => {
    const good = await registry(['config', 'check', '--json', GOOD]);
    expect(JSON.parse(good.stdout)).toMatchObject({
      valid: true,
      faults: [],
      warnings: [expect.any(String), expect.any(String)],
    });
    const bad = await registry(['config', 'check', '--json', BAD]);
    expect(bad.exitCode).toBe(1);
    expect(JSON.parse(bad.stdout).faults.map(({ path: key }: { path: string }) => key)).toEqual([
      'storage',
      'http.adr',
    ]);
  });

  test('takes the file of REGISTRY_CONFIGURATION_PATH where none is named', async () => {
    const { exitCode, stdout } = await registry(['config', 'check'], { REGISTRY_CONFIGURATION_PATH: GOOD });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('good.yml is valid') });
  });

  test('says what to do about a file that is not there', async () => {
    const { exitCode, stderr } = await registry(['config', 'check', '/nowhere/config.yml']);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr:
        '/nowhere/config.yml has a fault:\n  cannot be read: there is no such file; name the configuration file as the argument\n',
    });
  });
});

describe('registry config print', () => {
  test('prints the configuration with defaults and environment, and with --redacted no secrets', async () => {
    const { exitCode, stdout } = await registry(['config', 'print', '--redacted', GOOD], {
      REGISTRY_HTTP_ADDR: ':5001',
    });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('addr: :5001');
    expect(stdout).toContain('secret: (hidden)');
    expect((await registry(['config', 'print', GOOD])).stdout).toContain('secret: swordfish');
  });
});

describe('exit codes', () => {
  test.each([
    ['0 for the version', ['--version'], 0],
    ['0 for help', ['--help'], 0],
    ['2 for an unknown command', ['push'], 2],
    ['2 for an unknown option', ['serve', '--port', '5000'], 2],
    ['2 for no command', [], 2],
    ['78 for a server whose configuration has faults', ['serve', BAD], 78],
    ['78 for a reindex whose configuration has faults', ['reindex', BAD], 78],
  ])('%s', async (_what, args, expected) => {
    expect((await registry(args)).exitCode).toBe(expected);
  });

  test('1, with one sentence and no stack, for what goes wrong at run time', async () => {
    const { exitCode, stderr } = await registry(['user', 'list', GOOD]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: the configuration names no user file: .*set tokenendpoint\.htpasswd\n$/);
  });

  test('1 for a port that is taken, which says what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    const { exitCode, stderr } = await registry(['serve', GOOD], { REGISTRY_HTTP_ADDR: address });
    taken.close();
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: `error: ${address} is taken by another program; stop that, or choose another port in http.addr\n`,
    });
  });
});
