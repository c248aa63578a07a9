import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { RUN_CONFIG } from '../../scripts/image/image-config.ts';
import { describeUnless, describeWith } from '../support/requirements.ts';
import { runCommand } from '../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts';
import { buildImageArchive, REPOSITORY, reasonNotToBuild, repositoryFile } from './image-archive.ts';
import { buildNodeImage } from './node-image.ts';

const DOCKERFILE = 'registry-image/Dockerfile';

describe('the Dockerfile', () => {
  const lastStage =
    repositoryFile(DOCKERFILE)
      .split(/^FROM /m)
      .at(-1) ?? '';
  const instruction = (name: string) => new RegExp(`^${name} (.*)$`, 'm').exec(lastStage)?.[1];

  test('runs the server as the archive of npm run image does', () => {
    expect({
      User: instruction('USER'),
      ExposedPorts: { [`${instruction('EXPOSE')}/tcp`]: {} },
      Entrypoint: JSON.parse(instruction('ENTRYPOINT') ?? ''),
      Cmd: JSON.parse(instruction('CMD') ?? ''),
      Volumes: { [instruction('VOLUME') ?? '']: {} },
      WorkingDir: instruction('WORKDIR'),
      StopSignal: instruction('STOPSIGNAL'),
    }).toEqual({ ...RUN_CONFIG, Env: undefined });
    expect(RUN_CONFIG.Env).toContain(instruction('ENV'));
  });

  test('copies only what its ignore file lets through', () => {
    const patterns = repositoryFile(`${DOCKERFILE}.dockerignore`).split('\n');
    const allowed = patterns.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const copied = repositoryFile(DOCKERFILE)
      .split('\n')
      .flatMap((line) => /^COPY (?!--from)(.*) \S+$/.exec(line)?.[1]?.split(' ') ?? []);
    expect(copied.length).toBeGreaterThan(0);
    for (const source of copied) {
      expect(existsSync(path.join(REPOSITORY, source))).toBe(true);
      expect(allowed.some((pattern) => source === pattern || source.startsWith(`${pattern}/`))).toBe(true);
    }
  });
});

describeUnless(reasonNotToBuild(), 'the Dockerfile, built', () => {
  describeWith(['buildah'], 'by buildah', () => {
    let directory: TemporaryDirectory;
    let buildah: (...args: string[]) => Promise<string>;

    beforeAll(async () => {
      directory = temporaryDirectory('dockerfile');
      const storage = [`--root=${directory.path}/storage`, `--runroot=${directory.path}/run`];
      buildah = async (...args) => (await runCommand('buildah', [...storage, ...args], { cwd: REPOSITORY })).stdout;
      const image = await buildImageArchive(path.join(directory.path, 'image.tar'));
      await buildNodeImage({
        name: 'docker.io/library/node:24-trixie-slim',
        image,
        directory: directory.path,
        buildah,
      });
      await buildah('bud', '--isolation=chroot', '--pull-never', '--tag=registry', `--file=${DOCKERFILE}`, '.');
    }, 180_000);

    afterAll(async () => {
      await buildah?.('rm', '--all');
      await buildah?.('rmi', '--all', '--force');
      directory?.remove();
    });

    test('answers --version as a user who is not root', async () => {
      const container = (await buildah('from', '--pull-never', 'localhost/registry')).trim();
      const version = await buildah('run', '--isolation=chroot', container, 'registry', '--version');
      const user = await buildah('run', '--isolation=chroot', container, 'node', '--print', 'process.getuid()');
      expect(version.trim()).toBe(JSON.parse(repositoryFile('registry-image/package.json')).version);
      expect(user.trim()).toBe('1000');
    });
  });
});
