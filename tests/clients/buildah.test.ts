import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ClientHome, clientHome } from '../support/client-home.ts';
import { type Descriptor, digestOf } from '../support/oci-image.ts';
import type { RegistryClient } from '../support/registry-client.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeWith } from '../support/requirements.ts';
import { runCommand, tryCommand } from '../support/run-command.ts';

/** https://github.com/containers/buildah/tree/v1.28.2/docs */
describeWith(['buildah'], 'buildah with login over TLS', () => {
  let registry: RegistryProcess;
  let admin: RegistryClient;
  let home: ClientHome;
  const file = randomBytes(2_000_000);

  beforeAll(async () => {
    registry = await startRegistry({ login: 'token' });
    admin = registry.client();
    home = clientHome(registry);
    const context = path.join(home.path, 'context');
    mkdirSync(context);
    writeFileSync(path.join(context, 'file'), file);
    writeFileSync(path.join(context, 'Containerfile'), 'FROM scratch\nCOPY file /file\nCMD ["/file"]\n');
    await buildah('bud', '--isolation', 'chroot', '--tag', 'built', context);
  });
  afterAll(async () => {
    admin.close();
    home.remove();
    await registry.stop();
  });

  const buildah = (...args: string[]) => runCommand('buildah', [...home.storageOptions, ...args], { env: home.env });
  const pushArguments = (password: string, target: string, ...options: string[]) => [
    ...home.storageOptions,
    ...['push', '--cert-dir', home.certificates, '--creds', `${registry.credentials.username}:${password}`, ...options],
    ...['built', `docker://${registry.host}/${target}`],
  ];
  const push = (password: string, target: string, ...options: string[]) =>
    tryCommand('buildah', pushArguments(password, target, ...options), { env: home.env });

  // A layer that is compressed on the way has no length when it starts: one PATCH with neither Content-Length nor Content-Range.
  test.each(['oci', 'v2s2'])('pushes a layer that it compresses on the fly (%s)', async (format) => {
    const pushed = await push(registry.credentials.password, `built/${format}:v1`, '--format', format);
    expect(pushed).toMatchObject({ exitCode: 0 });
    const manifest = (await admin.get(`/v2/built/${format}/manifests/v1`)).json<{ layers: Descriptor[] }>();
    expect(manifest.layers).toHaveLength(1);
    const { digest, size } = manifest.layers[0] as Descriptor;
    const layer = await admin.get(`/v2/built/${format}/blobs/${digest}`);
    expect({ size: layer.body.length, digest: digestOf(layer.body) }).toEqual({ size, digest });
    expect(gunzipSync(layer.body).includes(file.subarray(0, 1000))).toBe(true);
  });

  test('is refused with a wrong password', async () => {
    const refused = await push('wrong', 'built/refused:v1');
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toMatch(/invalid username\/password|unauthorized|authentication required/);
    expect((await admin.get('/v2/built/refused/tags/list')).status).toBe(404);
  });

  test('pulls what it pushed', async () => {
    expect(await push(registry.credentials.password, 'built/again:v1')).toMatchObject({ exitCode: 0 });
    const { username, password } = registry.credentials;
    const name = `docker://${registry.host}/built/again:v1`;
    await buildah('rmi', '--force', 'built');
    await buildah('pull', '--cert-dir', home.certificates, '--creds', `${username}:${password}`, name);
  });
});
