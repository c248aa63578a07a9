import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cloneRepository } from '../support/clone.ts';
import { freePort } from '../support/free-port.ts';
import { HttpClient } from '../support/http-client.ts';
import { describeWith } from '../support/requirements.ts';
import { type CommandResult, runCommand } from '../support/run-command.ts';
import type { TemporaryDirectory } from '../support/temporary-directory.ts';

/** What other programs rely on; the same names as in scripts/local/connection.ts. */
interface Result {
  readonly registry: string;
  readonly username: string;
  readonly password: string;
  readonly passwordFile: string;
  readonly caFile: string;
  readonly url: string;
  readonly exampleArchive: string;
  readonly exampleImage: string;
  readonly dataDirectory: string;
  readonly outcome: string;
}

/** One deploy takes a few seconds, and several on a busy computer. */
const TIMEOUT_MS = 120_000;

describeWith(['terraform', 'skopeo'], 'npm run up and npm run down', () => {
  let clone: TemporaryDirectory;
  let port: number;

  const environment = () => ({
    REGISTRY_LOCAL_SETTINGS: path.join(clone.path, 'settings/test.yml'),
    REGISTRY_AUTH_FILE: path.join(clone.path, 'auth.json'),
    CHECKPOINT_DISABLE: '1',
    CI: '1',
    PATH: `${path.join(clone.path, 'node_modules/.bin')}${path.delimiter}${process.env['PATH']}`,
  });
  const run = (command: string, ...args: string[]): Promise<CommandResult> =>
    runCommand(command, args, { cwd: clone.path, env: environment() });
  const choose = (options: Readonly<Record<string, unknown>> = {}) =>
    writeFileSync(environment().REGISTRY_LOCAL_SETTINGS, JSON.stringify({ port, dataDirectory: 'data', ...options }));

  const up = async () => JSON.parse((await run('node', 'scripts/local/up.ts', '--json')).stdout) as Result;
  const down = () => run('node', 'scripts/local/down.ts');
  const skopeo = async (...args: string[]) => (await run('skopeo', ...args)).stdout;
  const credentials = ({ username, password }: Result) => `${username}:${password}`;
  const push = (result: Result) =>
    skopeo(
      'copy',
      '--dest-cert-dir',
      path.dirname(result.caFile),
      '--dest-creds',
      credentials(result),
      `docker-archive:${result.exampleArchive}`,
      `docker://${result.exampleImage}`,
    );
  const inspect = (result: Result) =>
    skopeo(
      'inspect',
      '--cert-dir',
      path.dirname(result.caFile),
      '--creds',
      credentials(result),
      '--format',
      '{{.Digest}}',
      `docker://${result.exampleImage}`,
    );
  const pid = ({ dataDirectory }: Result) =>
    (JSON.parse(readFileSync(path.join(dataDirectory, 'server.json'), 'utf8')) as { pid: number }).pid;

  const isServing = async ({ url, caFile }: Result) => {
    const client = new HttpClient(url, readFileSync(caFile, 'utf8'));
    try {
      return (await client.request('GET', '/readyz')).status === 200;
    } catch {
      return false;
    } finally {
      client.close();
    }
  };

  beforeAll(async () => {
    clone = cloneRepository({ packages: true });
    port = await freePort();
    choose();
    writeFileSync(environment().REGISTRY_AUTH_FILE, '{}');
  });

  afterAll(async () => {
    await down();
    clone.remove();
  }, TIMEOUT_MS);

  test(
    'up starts a registry and prints as JSON what a script needs',
    async () => {
      const result = await up();
      expect(result).toMatchObject({
        registry: `127.0.0.1:${port}`,
        url: `https://127.0.0.1:${port}`,
        username: 'admin',
        outcome: 'started',
      });
      expect(result.password).toBe(readFileSync(result.passwordFile, 'utf8').trim());
      expect(await isServing(result)).toBe(true);
    },
    TIMEOUT_MS,
  );

  test(
    'up again changes nothing and says so, and the lines it prints log in, push and pull when pasted',
    async () => {
      await up();
      const { stdout } = await run('node', 'scripts/local/up.ts');
      expect(stdout).toContain('Nothing has changed');
      const lines = stdout.split('\n').filter((line) => line.startsWith('  skopeo '));
      expect(lines.map((line) => line.trim().split(' ')[1])).toEqual(['login', 'copy', 'copy']);
      for (const line of lines) await run('sh', '-c', line);
    },
    TIMEOUT_MS,
  );

  test(
    'cdktf diff names a changed option with both values, and the next up restarts the server with it',
    async () => {
      const before = await up();
      const pidBefore = pid(before);
      choose({ logLevel: 'debug' });
      const { stdout } = await run('cdktf', 'diff', 'local', '--no-color');
      expect(stdout).toMatch(/logLevel\s+= "info" -> "debug"/);
      const after = await up();
      expect(after.outcome).toBe('restarted');
      expect(pid(after)).not.toBe(pidBefore);
      expect(readFileSync(path.join(after.dataDirectory, 'config.yml'), 'utf8')).toContain('level: debug');
    },
    TIMEOUT_MS,
  );

  test(
    'down stops the server, and up serves the same images to the same user again',
    async () => {
      const before = await up();
      await push(before);
      const digest = await inspect(before);
      await down();
      expect(await isServing(before)).toBe(false);
      const after = await up();
      expect(after).toEqual({ ...before, outcome: 'started' });
      expect(await inspect(after)).toBe(digest);
    },
    TIMEOUT_MS,
  );

  test(
    'up starts a server again that was killed, and says so',
    async () => {
      const before = await up();
      process.kill(pid(before), 'SIGKILL');
      const after = await up();
      expect(after.outcome).toBe('recovered');
      expect(await isServing(after)).toBe(true);
    },
    TIMEOUT_MS,
  );

  test(
    'up moves the server to another port',
    async () => {
      const before = await up();
      port = await freePort();
      choose();
      const after = await up();
      expect(after).toMatchObject({ registry: `127.0.0.1:${port}`, outcome: 'restarted' });
      expect(await isServing(after)).toBe(true);
      expect(await isServing(before)).toBe(false);
    },
    TIMEOUT_MS,
  );

  test('the state of Terraform holds no password and no path of this computer', async () => {
    const { password } = await up();
    const state = readFileSync(path.join(clone.path, 'terraform.local.tfstate'), 'utf8');
    expect(state).not.toContain(password);
    expect(state).not.toContain(clone.path);
  });
});
