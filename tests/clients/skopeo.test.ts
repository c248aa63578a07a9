import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type ClientHome, clientHome } from '../support/client-home.ts';
import { image, MEDIA_TYPES, multiArchitectureImage, writeOciLayout } from '../support/oci-image.ts';
import type { Credentials } from '../support/registry-client.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeWith } from '../support/requirements.ts';
import { runCommand, tryCommand } from '../support/run-command.ts';

/** https://github.com/containers/skopeo/tree/v1.9.3/docs */
describeWith(['skopeo'], 'skopeo with login over TLS', () => {
  const reader = { username: 'reader', password: 'reads only' };
  let registry: RegistryProcess;
  let home: ClientHome;

  beforeAll(async () => {
    registry = await startRegistry({ login: 'token', users: [reader] });
  });
  afterAll(() => registry.stop());
  beforeEach(() => {
    home = clientHome(registry);
  });
  afterEach(() => home.remove());

  const run = (verb: string, ...args: string[]) =>
    runCommand('skopeo', ['--insecure-policy', verb, ...args], { env: home.env });
  const attempt = (verb: string, ...args: string[]) =>
    tryCommand('skopeo', ['--insecure-policy', verb, ...args], { env: home.env });
  const remote = (name: string) => `docker://${registry.host}/${name}`;
  const layout = (name: string) => `oci:${path.join(home.path, name)}`;
  const from = () => ['--src-cert-dir', home.certificates];
  const to = () => ['--dest-cert-dir', home.certificates];
  const at = () => ['--cert-dir', home.certificates];

  async function login({ username, password }: Credentials = registry.credentials) {
    const args = ['--cert-dir', home.certificates, '--username', username, '--password-stdin', registry.host];
    return await tryCommand('skopeo', ['login', ...args], { env: home.env, input: password });
  }

  async function mustLogIn(who?: Credentials) {
    expect((await login(who)).stdout).toContain('Login Succeeded!');
  }

  async function push(name: string, pushed = image(), ...options: string[]) {
    writeOciLayout(path.join(home.path, 'pushed'), pushed, 'tag');
    await run('copy', ...to(), ...options, `${layout('pushed')}:tag`, remote(name));
    return pushed;
  }

  test('logs in, and is told when the password is wrong', async () => {
    await mustLogIn();
    const wrong = await login({ ...registry.credentials, password: 'wrong' });
    expect(wrong.exitCode).not.toBe(0);
    expect(wrong.stderr).toMatch(/invalid username\/password|unauthorized/);
  });

  test('copies an image in and out again, digest by digest', async () => {
    await mustLogIn();
    const pushed = await push('group/project:v1');
    await run('copy', ...from(), remote('group/project:v1'), `${layout('pulled')}:v1`);
    for (const { digest, bytes } of [pushed.manifest, ...pushed.blobs]) {
      const file = path.join(home.path, 'pulled', 'blobs', ...digest.split(':'));
      expect(readFileSync(file).equals(bytes)).toBe(true);
    }
  });

  test('copies an index with every image that it names', async () => {
    await mustLogIn();
    const pushed = await push('group/multi:v1', multiArchitectureImage(), '--all');
    await run('copy', '--all', ...from(), remote('group/multi:v1'), `${layout('pulled')}:v1`);
    for (const { manifest } of [pushed, ...pushed.children]) {
      const file = path.join(home.path, 'pulled', 'blobs', ...manifest.digest.split(':'));
      expect(readFileSync(file).equals(manifest.bytes)).toBe(true);
    }
  });

  test('copies one image of an index by its architecture', async () => {
    await mustLogIn();
    const pushed = await push('group/multi:v2', multiArchitectureImage(), '--all');
    const copy = ['--override-arch', 'arm64', '--insecure-policy', 'copy', ...from()];
    await runCommand('skopeo', [...copy, remote('group/multi:v2'), `${layout('pulled')}:v2`], { env: home.env });
    const { digest } = pushed.children[1]?.manifest ?? { digest: '' };
    expect(existsSync(path.join(home.path, 'pulled', 'blobs', ...digest.split(':')))).toBe(true);
  });

  test('pushes Docker schema 2', async () => {
    await mustLogIn();
    await push('group/docker:v1', image(), '--format', 'v2s2');
    const { stdout } = await run('inspect', '--raw', ...at(), remote('group/docker:v1'));
    expect(JSON.parse(stdout)).toMatchObject({ mediaType: MEDIA_TYPES.dockerManifest });
  });

  test('copies between repositories', async () => {
    await mustLogIn();
    const pushed = await push('group/source:v1');
    await run('copy', ...from(), ...to(), remote('group/source:v1'), remote('other/target:v2'));
    const { stdout } = await run('inspect', ...at(), remote('other/target:v2'));
    expect(JSON.parse(stdout)).toMatchObject({ Digest: pushed.manifest.digest, RepoTags: ['v2'] });
  });

  test('inspects an image', async () => {
    await mustLogIn();
    const pushed = await push('group/inspected:v1');
    const { stdout } = await run('inspect', ...at(), remote('group/inspected:v1'));
    expect(JSON.parse(stdout)).toMatchObject({
      Name: `${registry.host}/group/inspected`,
      Digest: pushed.manifest.digest,
      RepoTags: ['v1'],
      Architecture: 'amd64',
      Layers: pushed.blobs.slice(1).map(({ digest }) => digest),
    });
  });

  test('lists tags', async () => {
    await mustLogIn();
    const pushed = image();
    for (const tag of ['v2', 'v1', 'latest']) await push(`group/tagged:${tag}`, pushed);
    const { stdout } = await run('list-tags', ...at(), remote('group/tagged'));
    expect(JSON.parse(stdout)).toMatchObject({ Tags: ['latest', 'v1', 'v2'] });
  });

  test('deletes an image, which is gone at once', async () => {
    await mustLogIn();
    await push('group/deleted:v1');
    await run('delete', ...at(), remote('group/deleted:v1'));
    const gone = await attempt('inspect', ...at(), remote('group/deleted:v1'));
    expect(gone.exitCode).not.toBe(0);
    expect(gone.stderr).toMatch(/manifest unknown/);
  });

  test('synchronises a repository to a directory, every tag of it', async () => {
    await mustLogIn();
    for (const tag of ['v1', 'v2']) await push(`group/synced:${tag}`);
    const target = path.join(home.path, 'synced');
    await run('sync', '--src', 'docker', '--dest', 'dir', ...from(), `${registry.host}/group/synced`, target);
    expect(readdirSync(target).sort()).toEqual(['synced:v1', 'synced:v2']);
  });

  test('without login a push is refused, and nothing is left of it', async () => {
    writeOciLayout(path.join(home.path, 'pushed'), image(), 'tag');
    const refused = await attempt('copy', ...to(), `${layout('pushed')}:tag`, remote('group/refused:v1'));
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toMatch(/unauthorized|authentication required|denied/);
    await mustLogIn();
    expect((await attempt('inspect', ...at(), remote('group/refused:v1'))).exitCode).not.toBe(0);
  });

  test('a user who may only pull pulls, and is refused a push', async () => {
    await mustLogIn();
    await push('shared/base:v1');
    await mustLogIn(reader);
    await run('inspect', ...at(), remote('shared/base:v1'));
    writeOciLayout(path.join(home.path, 'pushed'), image(), 'tag');
    const refused = await attempt('copy', ...to(), `${layout('pushed')}:tag`, remote('shared/base:v2'));
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toMatch(/unauthorized|authentication required|denied/);
  });

  test('without login, what is public can be pulled', async () => {
    await mustLogIn();
    const pushed = await push('public/image:v1');
    const anonymous = clientHome(registry);
    try {
      const args = ['--insecure-policy', 'inspect', '--cert-dir', anonymous.certificates, remote('public/image:v1')];
      const { stdout } = await runCommand('skopeo', args, { env: anonymous.env });
      expect(JSON.parse(stdout)).toMatchObject({ Digest: pushed.manifest.digest });
    } finally {
      anonymous.remove();
    }
  });
});
