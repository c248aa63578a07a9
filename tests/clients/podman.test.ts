import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ClientHome, clientHome } from '../support/client-home.ts';
import { image, multiArchitectureImage, writeOciLayout } from '../support/oci-image.ts';
import type { RegistryClient } from '../support/registry-client.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeWith } from '../support/requirements.ts';
import { runCommand, tryCommand } from '../support/run-command.ts';

/** https://docs.podman.io/en/v4.3/Commands.html */
describeWith(['podman'], 'podman with login over TLS', () => {
  let registry: RegistryProcess;
  let admin: RegistryClient;
  let home: ClientHome;

  beforeAll(async () => {
    registry = await startRegistry({ login: 'token' });
    admin = registry.client();
    home = clientHome(registry);
  });
  afterAll(async () => {
    admin.close();
    home.remove();
    await registry.stop();
  });

  const podman = (...args: string[]) => runCommand('podman', [...home.storageOptions, ...args], { env: home.env });
  const attempt = (...args: string[]) => tryCommand('podman', [...home.storageOptions, ...args], { env: home.env });

  function login(password: string) {
    const user = ['--username', registry.credentials.username, '--password-stdin'];
    const args = ['login', '--cert-dir', home.certificates, '--authfile', home.authFile, ...user, registry.host];
    return tryCommand('podman', [...home.storageOptions, ...args], { env: home.env, input: password });
  }

  test('a wrong password is refused', async () => {
    const wrong = await login('wrong');
    expect(wrong.exitCode).not.toBe(0);
    expect(wrong.stderr).toMatch(/invalid username\/password|unauthorized/);
  });

  test('pulling without login is refused', async () => {
    const pulled = await attempt('pull', '--cert-dir', home.certificates, `${registry.host}/group/private:v1`);
    expect(pulled.exitCode).not.toBe(0);
    expect(pulled.stderr).toMatch(/unauthorized|authentication required|denied/);
  });

  test('logs in, pulls an image, pushes it under another name, and both are the same layers', async () => {
    expect((await login(registry.credentials.password)).stdout).toContain('Login Succeeded!');
    const pushed = image();
    await admin.pushImage('group/pulled', pushed, 'v1');
    await podman('pull', '--cert-dir', home.certificates, `${registry.host}/group/pulled:v1`);
    await podman('tag', `${registry.host}/group/pulled:v1`, `${registry.host}/deep/er/name:v2`);
    await podman('push', '--cert-dir', home.certificates, `${registry.host}/deep/er/name:v2`);
    const answer = await admin.get('/v2/deep/er/name/manifests/v2');
    expect(answer.status).toBe(200);
    expect(answer.json<{ config: { digest: string } }>().config.digest).toBe(pushed.blobs[0]?.digest);
    expect(await admin.tags('deep/er/name')).toEqual(['v2']);
  });

  test('pulls the image of an index that is for this machine', async () => {
    await admin.pushImage('group/multi', multiArchitectureImage(), 'v1');
    const name = `${registry.host}/group/multi:v1`;
    await podman('pull', '--arch', 'arm64', '--cert-dir', home.certificates, name);
    const { stdout } = await podman('image', 'inspect', '--format', '{{.Architecture}}', name);
    expect(stdout.trim()).toBe('arm64');
  });

  test('pushes a manifest list that was put together on the machine', async () => {
    const layout = path.join(home.path, 'layout');
    writeOciLayout(layout, image(), 'tag');
    const list = `${registry.host}/group/list:v1`;
    await podman('manifest', 'create', list);
    await podman('manifest', 'add', list, `oci:${layout}:tag`);
    await podman('manifest', 'push', '--all', '--cert-dir', home.certificates, list, `docker://${list}`);
    const answer = await admin.get('/v2/group/list/manifests/v1');
    expect(answer.json<{ manifests: unknown[] }>().manifests).toHaveLength(1);
  });
});
