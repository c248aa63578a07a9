import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import type { Check } from '../../../registry-image/src/cli/doctor-check.ts';
import { S3Driver } from '../../../registry-image/src/storage/s3.ts';
import { freePort } from '../../support/free-port.ts';
import { MOTO_AS_S3, type Moto, startMoto } from '../../support/moto.ts';
import { onlyUserOf } from '../../support/moto-user.ts';
import { MAIN, type RegistryProcess, startRegistry } from '../../support/registry-process.ts';
import { describeUnless, describeWith } from '../../support/requirements.ts';
import { tryCommand } from '../../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';
import { createBucket, s3Options } from '../storage/moto-bucket.ts';

let directory: TemporaryDirectory;
beforeEach(() => {
  directory = temporaryDirectory('doctor');
});
afterEach(() => directory.remove());

interface Findings {
  readonly exitCode: number;
  /** Actions by their verdict, in the order of the report. */
  readonly verdicts: Readonly<Record<Check['verdict'], string[]>>;
  readonly checks: readonly Check[];
  readonly missingPermissions: readonly string[];
}

/** Runs the command; `prefix` is a program that runs it. */
async function doctor(storage: object, prefix: readonly string[] = []): Promise<Findings> {
  const words = [...prefix, process.execPath, MAIN, 'doctor', 'storage', '--json', configFile(storage)];
  const { exitCode, stdout, stderr } = await tryCommand(words[0] as string, words.slice(1));
  expect(stderr).toBe('');
  const { ok, checks, missingPermissions } = JSON.parse(stdout) as Findings & { ok: boolean };
  const actionsOf = (verdict: Check['verdict']) =>
    checks.filter((check) => check.verdict === verdict).map(({ action }) => action);
  expect(ok).toBe(exitCode === 0);
  return {
    exitCode,
    verdicts: { ok: actionsOf('ok'), failed: actionsOf('failed'), skipped: actionsOf('skipped') },
    checks,
    missingPermissions,
  };
}

function check(findings: Findings, action: string): Check | undefined {
  return findings.checks.find((one) => one.action === action);
}

function configFile(storage: object): string {
  const file = path.join(directory.path, 'config.yml');
  writeFileSync(file, stringify({ version: '0.1', storage, auth: 'none' }), { mode: 0o644 });
  chmodSync(directory.path, 0o755);
  return file;
}

const ALL_ACTIONS = [
  'open',
  'write',
  'list',
  'stat',
  'clock',
  'stat-missing',
  'read',
  'read-range',
  'redirect',
  'upload',
  'cancel',
  'move',
  'delete',
  'clean-up',
];

describeWith(['moto_server'], 'registry doctor storage, of a bucket', () => {
  const BUCKET = 'arn:aws:s3:::registry-images';
  const ON_OBJECTS = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'];
  let moto: Moto;

  beforeEach(async () => {
    moto = await startMoto({ env: MOTO_AS_S3 });
    await createBucket(s3Options(moto));
  });
  afterEach(() => moto?.stop());

  /** The `storage` section of an identity that lacks one right. */
  async function storageWithout(right?: string): Promise<object> {
    const user = await onlyUserOf(moto, [
      {
        Effect: 'Allow',
        Action: right === 's3:ListBucket' ? 's3:GetBucketLocation' : 's3:ListBucket',
        Resource: BUCKET,
      },
      { Effect: 'Allow', Action: ON_OBJECTS.filter((action) => action !== right), Resource: `${BUCKET}/*` },
    ]);
    return { s3: { bucket: 'registry-images', region: 'us-east-1', regionendpoint: moto.endpoint, ...user } };
  }

  async function objectsLeft(): Promise<string[]> {
    await fetch(`${moto.endpoint}/moto-api/reset-auth`, { method: 'POST', body: 'inf' });
    const driver = await S3Driver.open(s3Options(moto));
    const keys: string[] = [];
    for await (const { key } of driver.list('')) keys.push(key);
    await driver.close();
    return keys;
  }

  test('finds nothing where every right is there, and leaves nothing behind', async () => {
    const findings = await doctor(await storageWithout());
    expect(findings).toMatchObject({
      exitCode: 0,
      verdicts: { ok: ALL_ACTIONS, failed: [], skipped: [] },
      missingPermissions: [],
    });
    expect(check(findings, 'redirect')?.message).toBe(`clients must reach ${moto.endpoint}`);
    expect(check(findings, 'cancel')).toMatchObject({
      permissions: ['s3:AbortMultipartUpload', 's3:DeleteObject'],
      resource: expect.stringMatching(/^s3:\/\/registry-images\/uploads\/_doctor-[0-9a-f]+\/cancelled\/data$/),
      milliseconds: expect.any(Number),
    });
    expect(await objectsLeft()).toEqual([]);
  });

  test.each([
    ['s3:PutObject', ['write', 'upload']],
    ['s3:GetObject', ['stat', 'clock', 'stat-missing', 'read', 'read-range', 'redirect', 'upload', 'move']],
    ['s3:DeleteObject', ['upload', 'cancel', 'move', 'delete', 'clean-up']],
    ['s3:AbortMultipartUpload', ['cancel', 'clean-up']],
  ])('finds that %s is missing, by the verdicts of exactly the actions that need it', async (right, failed) => {
    const findings = await doctor(await storageWithout(right));
    expect(findings).toMatchObject({ exitCode: 1, verdicts: { failed }, missingPermissions: [right] });
    for (const one of findings.checks.filter(({ verdict }) => verdict === 'failed')) {
      if (one.action !== 'redirect') expect(one.message).toContain(`not allowed ${right} on ${BUCKET}/*`);
    }
    if (right !== 's3:DeleteObject') expect(await objectsLeft()).toEqual([]);
  });

  test('finds that s3:ListBucket is missing, without which nothing else can be tried', async () => {
    const findings = await doctor(await storageWithout('s3:ListBucket'));
    expect(findings).toMatchObject({ exitCode: 1, verdicts: { ok: [], failed: ['open'] } });
    expect(check(findings, 'open')?.message).toContain(`not allowed s3:ListBucket on ${BUCKET}; add it to its policy`);
    expect(check(findings, 'write')?.message).toBe('storage could not be opened');
  });

  test('does not follow signed URLs where clients are not sent to them', async () => {
    const findings = await doctor({ ...(await storageWithout()), redirect: { disable: true } });
    expect(findings).toMatchObject({ exitCode: 0, verdicts: { skipped: ['redirect'] } });
    expect(check(findings, 'redirect')?.message).toMatch(/storage\.redirect\.disable is set/);
  });

  test('cleans up also when it is interrupted', async () => {
    const child = spawn(process.execPath, [MAIN, 'doctor', 'storage', configFile(await storageWithout())]);
    let output = '';
    for await (const chunk of child.stdout) {
      output += chunk;
      if (!child.killed && output.includes('ok       read-range')) child.kill('SIGTERM');
    }
    const [exitCode] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
    expect(output).toMatch(/skipped {2}move .*: the check was interrupted\n(.*\n)*ok {7}clean-up/);
    expect({ exitCode, left: await objectsLeft() }).toEqual({ exitCode: 1, left: [] });
  });
});

test('registry doctor storage says of a store that is down what that means', async () => {
  const regionendpoint = `http://127.0.0.1:${await freePort()}`;
  const s3 = { bucket: 'registry-images', region: 'us-east-1', regionendpoint, accesskey: 'a', secretkey: 'b' };
  const findings = await doctor({ s3 });
  expect(findings).toMatchObject({ exitCode: 1, verdicts: { ok: [], failed: ['open'] } });
  expect(check(findings, 'open')).toMatchObject({
    message: expect.stringContaining('ECONNREFUSED'),
    advice: expect.stringMatching(/nothing listens at that address; check that the store is up, and host and port/),
  });
});

test('registry doctor storage ends with 78 when the configuration has faults', async () => {
  const { exitCode, stderr } = await tryCommand(process.execPath, [MAIN, 'doctor', 'storage', configFile({})]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 78, stderr: expect.stringContaining('needs exactly one driver') });
});

describe('registry doctor storage, of a directory', () => {
  let registry: RegistryProcess;
  beforeEach(async () => {
    registry = await startRegistry();
  });
  afterEach(() => registry?.stop());

  test('prints a line for each action, beside a running server, and leaves nothing behind', async () => {
    const { exitCode, stdout } = await registry.command('doctor', 'storage');
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(
      `storage: filesystem at ${registry.storageDirectory}, as user ${process.getuid?.()}, group ${process.getgid?.()}`,
    );
    expect(lines.at(-1)).toBe('16 ok, 0 failed, 1 skipped');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/\nok {7}space on .*, \d+ ms: [\d.]+ of [\d.]+ GiB are free/);
    expect(stdout).toMatch(/\nok {7}stat-missing \(search \(x\) on directories\) on .*, \d+ ms: an object that/);
    expect(stdout).toMatch(/\nskipped {2}redirect .*: this driver has no signed URLs/);
    expect(readdirSync(path.join(registry.storageDirectory, 'uploads'))).toEqual(['.tmp']);
  });
});

/** Rights mean nothing to root, so that it becomes somebody else. */
const isRoot = process.getuid?.() === 0;
const AS_NOBODY = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];

describeUnless(
  process.platform === 'linux' ? undefined : 'drives setpriv of Linux',
  'registry doctor storage, as a user without rights',
  () => {
    test('finds a directory that it may not write to, and says whose it is', async () => {
      const root = path.join(directory.path, 'root');
      mkdirSync(root, { mode: 0o555 });
      const findings = await doctor({ filesystem: { rootdirectory: root } }, AS_NOBODY);
      expect(findings).toMatchObject({ exitCode: 1, verdicts: { failed: ['open', 'directories', 'durability'] } });
      expect(check(findings, 'open')).toMatchObject({
        message: expect.stringMatching(/must be a directory that this process \(user \d+, group \d+\) can write to/),
        advice: expect.stringMatching(/the user of this process has not the right; give it the directory/),
      });
      expect(check(findings, 'directories')?.message).toMatch(
        /root \(of user \d+, group \d+, mode 555\) cannot be read, written and searched \(EACCES\): give it to the user of the server/,
      );
    });

    test('finds a directory of the layout that somebody else has made, where the root itself is good', async () => {
      const root = path.join(directory.path, 'root');
      mkdirSync(path.join(root, 'docker/registry/v2/blobs/sha256'), { recursive: true });
      chmodSync(path.join(root, 'docker/registry/v2/blobs/sha256'), 0o500);
      chmodSync(root, 0o777);
      for (const name of ['docker', 'docker/registry', 'docker/registry/v2', 'docker/registry/v2/blobs']) {
        chmodSync(path.join(root, name), 0o777);
      }
      const findings = await doctor({ filesystem: { rootdirectory: root } }, AS_NOBODY);
      expect(findings).toMatchObject({ exitCode: 1, verdicts: { failed: ['directories'], skipped: ['redirect'] } });
      expect(check(findings, 'directories')?.message).toMatch(/blobs\/sha256 \(of user \d+, group \d+, mode 500\)/);
    });
  },
);
