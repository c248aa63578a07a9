import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { awsBootPart } from '../../../constructs/aws/boot-part.ts';
import { bootScript } from '../../../constructs/shared/boot-script.ts';
import { RegistryImage } from '../../../constructs/shared/registry-image.ts';
import type { RegistrySettings } from '../../../constructs/shared/registry-settings.ts';
import { renderConfig } from '../../../constructs/shared/render-config.ts';
import { BootMachine } from '../../support/boot-machine.ts';
import { type MetadataService, type RoleCredentials, startMetadataService } from '../../support/metadata-service.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { callMoto } from '../../support/moto-api.ts';
import { describeWith } from '../../support/requirements.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

const PEM =
  '-----BEGIN CERTIFICATE-----\nleaf\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nkey\n-----END PRIVATE KEY-----\n';

/** Calls that set up the account below; from the next one on, moto checks signatures and policies. */
const SETUP_CALLS = 8;

const POLICY = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::archives/images/*' },
    { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: '*' },
    { Effect: 'Allow', Action: 'secretsmanager:PutSecretValue', Resource: '*' },
  ],
};

describeWith(['moto_server', 'curl'], 'a machine in an account that checks signatures and policies', () => {
  let directory: TemporaryDirectory;
  let moto: Moto;
  let metadata: MetadataService;
  let image: RegistryImage;

  const secretsManager = (action: string, body: object) =>
    callMoto(moto.endpoint, {
      service: 'secretsmanager',
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `secretsmanager.${action}` },
      body: JSON.stringify(body),
    });
  const query = (service: string, version: string, parameters: Record<string, string>) =>
    callMoto(moto.endpoint, { service, body: new URLSearchParams({ Version: version, ...parameters }) });

  beforeAll(async () => {
    directory = temporaryDirectory('boot-part');
    writeFileSync(path.join(directory.path, 'image.tar'), 'layers of the image');
    image = RegistryImage.fromArchive(path.join(directory.path, 'image.tar'));
    moto = await startMoto({ env: { INITIAL_NO_AUTH_ACTION_COUNT: String(SETUP_CALLS) } });
    metadata = await startMetadataService('machine', await setUpAccount());
  });
  afterAll(async () => {
    metadata?.close();
    await moto?.stop();
    directory?.remove();
  });

  /** Bucket, secrets and a role with the policy. @returns credentials of the role */
  async function setUpAccount(): Promise<RoleCredentials> {
    const iam = (parameters: Record<string, string>) => query('iam', '2010-05-08', parameters);
    await iam({ Action: 'CreateRole', RoleName: 'machine', AssumeRolePolicyDocument: '{}' });
    await iam({
      Action: 'PutRolePolicy',
      RoleName: 'machine',
      PolicyName: 'p',
      PolicyDocument: JSON.stringify(POLICY),
    });
    const put = (key: string, body: string) =>
      callMoto(moto.endpoint, { service: 's3', path: `/archives${key}`, method: 'PUT', body });
    await put(
      '',
      '<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>',
    );
    await put(`/images/${image.sha256}.tar`, 'layers of the image');
    await put('/docker/secret', 'somebody else’s layer');
    await secretsManager('CreateSecret', { Name: 'certificate', SecretString: PEM });
    await secretsManager('CreateSecret', { Name: 'access' });
    const parameters = { RoleArn: 'arn:aws:iam::123456789012:role/machine', RoleSessionName: 'i-1' };
    const answer = await (await query('sts', '2011-06-15', { Action: 'AssumeRole', ...parameters })).text();
    const value = (name: string) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(answer)?.[1] ?? '';
    return {
      AccessKeyId: value('AccessKeyId'),
      SecretAccessKey: value('SecretAccessKey'),
      Token: value('SessionToken'),
    };
  }

  function machine(name: string, imageKey = `images/${image.sha256}.tar`): BootMachine {
    const settings: RegistrySettings = {
      endpoint: { mode: 'own-domain', domain: 'registry.example.com' },
      storage: { kind: 'volume' },
    };
    const cloud = awsBootPart({
      region: 'eu-central-1',
      bucketName: 'archives',
      bucketRegion: 'eu-central-1',
      imageKey,
      dataVolumeId: 'vol-0123456789abcdef0',
      dataDeviceName: '/dev/sdf',
      accessSecretId: 'access',
      certificateSecretId: 'certificate',
    });
    const root = path.join(directory.path, name);
    mkdirSync(root);
    return new BootMachine({
      script: bootScript({ settings, config: renderConfig(settings), image, cloud }),
      root,
      services: {
        'http://169.254.169.254': metadata.url,
        'https://s3.$BUCKET_REGION.amazonaws.com': moto.endpoint,
        'https://secretsmanager.$REGION.amazonaws.com': moto.endpoint,
      },
    });
  }

  test('fetches the image archive with its role', async () => {
    const booting = machine('image');
    expect(await booting.run(`fetch_image ${booting.file('image.tar')}`)).toMatchObject({ exitCode: 0, stderr: '' });
    const bytes = readFileSync(booting.file('image.tar'));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(image.sha256);
  });

  test('fetches nothing that its role may not read', async () => {
    const booting = machine('denied', 'docker/secret');
    const result = await booting.run(`fetch_image ${booting.file('image.tar')}`);
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toContain('403');
  });

  test('reads its certificate', async () => {
    expect(await machine('certificate').run('fetch_certificate')).toMatchObject({
      exitCode: 0,
      stdout: `${PEM}\n`,
      stderr: '',
    });
  });

  test('writes the first password where an administrator can read it', async () => {
    const booting = machine('access');
    writeFileSync(booting.file('access.json'), '{"password":"correct \\"horse\\""}');
    expect(await booting.run(`publish_access ${booting.file('access.json')}`)).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    const check = `secrets_manager GetSecretValue <(echo '{"SecretId": "access"}')`;
    const { stdout } = await booting.run(check);
    expect(JSON.parse(stdout).SecretString).toBe('{"password":"correct \\"horse\\""}');
  });

  test('finds its data volume by the id that NVMe shows', async () => {
    const lsblk = 'lsblk() { printf "/dev/nvme0n1 vol0aaaaaaaaaaaaaaaa\\n/dev/nvme1n1 vol0123456789abcdef0\\n"; }';
    expect(await machine('nvme').run(`${lsblk}; data_device`)).toMatchObject({ exitCode: 0, stdout: '/dev/nvme1n1\n' });
    expect(await machine('none').run('lsblk() { echo /dev/vda; }; data_device')).toMatchObject({
      exitCode: 1,
      stdout: '',
    });
  });
});
