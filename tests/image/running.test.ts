import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ImageBuild } from '../../scripts/image/build-image.ts';
import { BackgroundProcess } from '../support/background-process.ts';
import { freePort } from '../support/free-port.ts';
import { HttpClient } from '../support/http-client.ts';
import { describeUnless, describeWith } from '../support/requirements.ts';
import { runCommand, tryCommand } from '../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts';
import { buildImageArchive, reasonNotToBuild } from './image-archive.ts';

/** As little as a runtime can give: nothing of the root can be written, not even /tmp, and there is no capability left. */
const LOCKED_DOWN = ['--read-only', '--read-only-tmpfs=false', '--cap-drop=all', '--security-opt=no-new-privileges'];

/** podman's own defaults are more than a root without CAP_SYS_RESOURCE may set. */
const LIMITS = ['--ulimit=nofile=20000:20000', '--ulimit=nproc=4096:4096'];

const REGISTRY_USER = 1000;

describeUnless(reasonNotToBuild(), 'the image', () => {
  describeWith(['podman', 'runc', 'skopeo'], 'on a read-only root, without capabilities', () => {
    let directory: TemporaryDirectory;
    let build: ImageBuild;

    const inDirectory = (name: string) => path.join(directory.path, name);
    const podman = (...args: string[]) => [
      `--root=${inDirectory('storage')}`,
      `--runroot=${inDirectory('run')}`,
      '--runtime=runc',
      ...args,
    ];
    const run = (...args: string[]) => podman('run', '--rm', '--network=host', ...LOCKED_DOWN, ...LIMITS, ...args);

    beforeAll(async () => {
      directory = temporaryDirectory('running-image');
      build = await buildImageArchive(inDirectory('image.tar'));
      await runCommand('podman', podman('load', '--quiet', '--input', build.archive));
    }, 120_000);

    afterAll(async () => {
      await tryCommand('podman', podman('rm', '--all', '--force'));
      // podman leaves its storage mounted on itself.
      await tryCommand('umount', [inDirectory('storage/overlay')]);
      directory.remove();
    });

    test('answers --version, as a command of its own too', async () => {
      const direct = await runCommand('podman', run(build.name, '--version'));
      const command = await runCommand('podman', run('--entrypoint=registry', build.name, '--version'));
      expect(direct.stdout.trim()).toBe(build.name.split(':').at(-1));
      expect(command.stdout).toBe(direct.stdout);
    });

    test('starts with its own configuration, takes a push, gives it back, and stops with 0', async () => {
      const host = `127.0.0.1:${await freePort()}`;
      const data = inDirectory('data');
      mkdirSync(data);
      chownSync(data, REGISTRY_USER, REGISTRY_USER);
      const read = (name: string) => readFileSync(path.join(data, name), 'utf8');
      const server = await BackgroundProcess.start(
        'podman',
        run(
          '--name=registry',
          `--volume=${data}:/var/lib/registry`,
          `--env=REGISTRY_HTTP_ADDR=${host}`,
          `--env=REGISTRY_AUTH_TOKEN_REALM=https://${host}/jwt/auth`,
          build.name,
        ),
        { isReady: async () => isReady(`https://${host}`, read('tls/ca.crt')) },
      );
      try {
        const credentials = `admin:${read('auth/admin-password').trim()}`;
        const repository = `docker://${host}/tools/registry:1`;
        const certificates = inDirectory('certificates');
        mkdirSync(certificates);
        writeFileSync(path.join(certificates, 'ca.crt'), read('tls/ca.crt'));
        const push = ['--dest-cert-dir', certificates, '--dest-creds', credentials];
        const pull = ['--src-cert-dir', certificates, '--src-creds', credentials];
        await runCommand('skopeo', ['copy', ...push, `oci-archive:${build.archive}`, repository]);
        await runCommand('skopeo', ['copy', ...pull, repository, `oci:${inDirectory('pulled')}:1`]);
        const pulled = await runCommand('skopeo', ['inspect', `oci:${inDirectory('pulled')}:1`]);
        expect(JSON.parse(pulled.stdout).Digest).toBe(build.digest);
      } finally {
        await runCommand('podman', podman('stop', '--time=30', 'registry'));
      }
      // podman run tells the exit code of its container a moment after podman stop has ended it.
      expect(await server.ended()).toBe(0);
    }, 120_000);
  });
});

async function isReady(url: string, ca: string): Promise<boolean> {
  const client = new HttpClient(url, ca);
  try {
    return (await client.request('GET', '/readyz')).status === 200;
  } finally {
    client.close();
  }
}
