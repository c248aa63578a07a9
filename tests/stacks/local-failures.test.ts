import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cloneRepository } from '../support/clone.ts';
import { tryCommand } from '../support/run-command.ts';
import type { TemporaryDirectory } from '../support/temporary-directory.ts';

/** Makes a program of a shell script, alone in a directory for the PATH. */
function fakeProgram(directory: string, name: string, script: string): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

describe('npm run up says in one line what is missing on the computer', () => {
  let clone: TemporaryDirectory;
  let programs: string;

  /** `scripts/up.mjs` where nothing but `programs` is on the PATH, and no package is installed. */
  const up = (...nodeOptions: string[]) =>
    tryCommand(process.execPath, [...nodeOptions, path.join(clone.path, 'scripts/up.mjs')], {
      cwd: clone.path,
      env: { PATH: programs },
    });

  beforeAll(() => {
    clone = cloneRepository({ packages: false });
    programs = path.join(clone.path, 'bin');
    mkdirSync(programs);
  });
  afterAll(() => clone.remove());

  test('an unsupported Node', async () => {
    const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } })`;
    const { exitCode, stdout, stderr } = await up('--import', `data:text/javascript,${encodeURIComponent(pretend)}`);
    expect(stderr.trim()).toBe(
      'Node 18.20.4 is too old: 20.0.0 or newer is needed here; install it from https://nodejs.org and try again.',
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  });

  test('a missing Terraform', async () => {
    const { exitCode, stderr } = await up();
    expect(stderr.trim()).toBe(
      'Terraform is missing: there is no terraform on the PATH; install it from https://developer.hashicorp.com/terraform/install (1.4.0 or newer) and try again.',
    );
    expect(exitCode).toBe(1);
  });

  test('a Terraform that is too old', async () => {
    fakeProgram(programs, 'terraform', `echo '{"terraform_version":"1.3.10"}'`);
    const { exitCode, stderr } = await up();
    expect(stderr.trim()).toMatch(/^Terraform 1\.3\.10 is too old: 1\.4\.0 or newer is needed; install it .*$/);
    expect(exitCode).toBe(1);
  });

  test('an npm ci that fails, after the reason that npm gives', async () => {
    fakeProgram(programs, 'terraform', `echo '{"terraform_version":"1.11.4"}'`);
    fakeProgram(programs, 'npm', 'echo "npm error network" >&2; exit 7');
    const { exitCode, stderr } = await up();
    expect(stderr).toMatch(
      /npm error network\n\nnpm ci failed, for the reason that npm gives above; .* try again\.\n$/,
    );
    expect(exitCode).toBe(1);
  });
});

describe('npm run up says in one line what is wrong with the settings', () => {
  let clone: TemporaryDirectory;
  let settingsFile: string;

  const up = async (settings: string) => {
    writeFileSync(settingsFile, settings);
    return tryCommand(process.execPath, [path.join(clone.path, 'scripts/local/up.ts')], {
      cwd: clone.path,
      env: { REGISTRY_LOCAL_SETTINGS: settingsFile },
    });
  };

  beforeAll(() => {
    clone = cloneRepository({ packages: true });
    settingsFile = path.join(clone.path, 'settings/test.yml');
  });
  afterAll(() => clone.remove());

  test('a port that is taken', async () => {
    const other: Server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const { exitCode, stdout, stderr } = await up(`port: ${port}\ndataDirectory: data`);
    other.close();
    expect(stderr.trim()).toBe(
      `port ${port} of 127.0.0.1 is taken by another program; stop that program, or choose another port with port in settings/local.yml`,
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  });

  test('a data folder that cannot be written', async () => {
    const { exitCode, stderr } = await up('dataDirectory: cdktf.json/data');
    expect(stderr.trim()).toBe(
      `the data folder ${clone.path}/cdktf.json/data cannot be written (ENOTDIR); make it writable for this user, or choose another with dataDirectory in settings/local.yml`,
    );
    expect(exitCode).toBe(1);
  });

  test('every fault of the file in one report, with the option that was meant', async () => {
    const { exitCode, stderr } = await up(
      'prot: 5000\nport: 70000\nlogLevel: verbose\ngarbageCollection:\n  schedule: "* *"',
    );
    expect(stderr.trim().split('\n')).toEqual([
      'settings/test.yml has 4 faults:',
      '  port: must be a port number, 1 to 65535 (received 70000)',
      expect.stringMatching(/^ {2}garbageCollection\.schedule: has 2 fields; .* \(received "\* \*"\)$/),
      '  logLevel: must be one of error, warn, info, debug (received "verbose")',
      '  prot: is not an option; did you mean port?',
    ]);
    expect(exitCode).toBe(1);
  });
});
