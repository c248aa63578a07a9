import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { configSchema } from '../../registry-image/src/config/schema.ts';
import type { ImageBuild } from '../../scripts/image/build-image.ts';
import { describeUnless, describeWith } from '../support/requirements.ts';
import { runCommand } from '../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts';
import { buildImageArchive, type OpenedImage, openImage, reasonNotToBuild, repositoryFile } from './image-archive.ts';

describeUnless(reasonNotToBuild(), 'npm run image', () => {
  let directory: TemporaryDirectory;
  let build: ImageBuild;
  let image: OpenedImage;

  beforeAll(async () => {
    directory = temporaryDirectory('image');
    build = await buildImageArchive(path.join(directory.path, 'image.tar'));
    image = await openImage(build.archive);
  }, 120_000);

  afterAll(() => directory?.remove());

  test('builds the same bytes again, with nothing kept from the build before', async () => {
    const again = await buildImageArchive(
      path.join(directory.path, 'again.tar'),
      '--cache',
      path.join(directory.path, 'empty-cache'),
    );
    expect(again.digest).toBe(build.digest);
    expect(again.archiveDigest).toBe(build.archiveDigest);
  }, 120_000);

  test('says the size and the digest of the archive that it wrote', () => {
    const bytes = readFileSync(build.archive);
    expect(build.size).toBe(statSync(build.archive).size);
    expect(build.archiveDigest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    expect(build.layers.map(({ diffId }) => diffId)).toEqual(image.config.rootfs.diff_ids);
  });

  test('runs the server as user 1000, who owns the data and nothing else', () => {
    expect(image.config.config).toMatchObject({ User: '1000:1000', StopSignal: 'SIGTERM', Env: expect.any(Array) });
    const owned = [...image.files].filter(([, { header }]) => header.uid !== 0 || header.gid !== 0);
    expect(owned.map(([file, { header }]) => [file, header.uid, header.gid])).toEqual([
      ['/var/lib/registry', 1000, 1000],
    ]);
    const writable = [...image.files].filter(
      ([, { header }]) => header.type !== 'symlink' && (header.mode & 0o022) !== 0,
    );
    expect(writable.map(([file]) => file)).toEqual(['/tmp']);
  });

  test('holds no shell and no package manager', () => {
    const programs = [...image.files].filter(([, { header }]) => header.type === 'file' && (header.mode & 0o111) !== 0);
    const names = programs.map(([file]) => file).filter((file) => !file.startsWith('/usr/lib/'));
    expect(names.sort()).toEqual(['/app/main.js', '/app/registry', '/usr/local/bin/node']);
  });

  test('holds nothing of CDKTF', () => {
    const names = [...image.files.keys()].filter((file) => /cdktf|jsii|terraform/i.test(file));
    const server = [...image.files].filter(([file]) => file.startsWith('/app/') && file.endsWith('.js'));
    const imports = server.filter(([, { content }]) =>
      /node_modules\/(@cdktf|cdktf|constructs|jsii)\//.test(String(content)),
    );
    expect([...names, ...imports.map(([file]) => file)]).toEqual([]);
  });

  test('holds no private key', () => {
    const key = /-----BEGIN ([A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}/;
    const own = [...image.files].filter(([file]) => file !== '/usr/local/bin/node');
    expect(own.filter(([, { content }]) => key.test(content.toString('latin1'))).map(([file]) => file)).toEqual([]);
  });

  test('names every package in its bill of materials, and carries its licence', () => {
    const bill = JSON.parse(String(image.files.get('/app/registry.cdx.json')?.content));
    const licences = String(image.files.get('/app/THIRD_PARTY_LICENSES')?.content);
    const packages = (bill.components as { name: string; version: string }[]).map(({ name }) => name);
    expect(packages).toEqual(expect.arrayContaining(['fastify', 'kysely', 'zod', 'better-sqlite3', '@node-rs/bcrypt']));
    expect(packages).toEqual([...packages].sort());
    for (const { name, version } of bill.components) expect(licences).toContain(`\n${name} ${version}, licensed as `);
  });

  test('lists the Debian packages for scanners and in a label', () => {
    const libc = String(image.files.get('/var/lib/dpkg/status.d/libc6')?.content);
    const version = /^Version: (.*)$/m.exec(libc)?.[1];
    expect(image.config.config.Labels['org.debian.packages']).toContain(`libc6=${version}`);
  });

  test('carries a configuration that the server accepts, with TLS and login', () => {
    const carried = String(image.files.get('/etc/registry/config.yml')?.content);
    expect(carried).toBe(repositoryFile('registry-image/default-config.yml'));
    const config = configSchema.parse(parse(carried));
    expect(config.http.tls?.selfsigned?.hosts).toContain('localhost');
    expect(config.tokenendpoint?.initialuser?.name).toBe('admin');
  });

  describeWith(['skopeo'], 'to skopeo', () => {
    test('the archive is an OCI archive with the digest that was printed', async () => {
      const { stdout } = await runCommand('skopeo', ['inspect', `oci-archive:${build.archive}`]);
      expect(JSON.parse(stdout)).toMatchObject({ Digest: build.digest, Os: 'linux' });
    });

    test('the archive is what docker load takes, under its name', async () => {
      const { stdout } = await runCommand('skopeo', ['inspect', `docker-archive:${build.archive}:${build.name}`]);
      expect(JSON.parse(stdout)).toMatchObject({ Labels: image.config.config.Labels });
    });
  });
});
