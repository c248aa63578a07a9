import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { loadConfig } from '../../registry-image/src/config/load.ts';
import { keepSelfSigned, type SelfSignedFiles } from '../../registry-image/src/tls/self-signed.ts';
import { buildImageArchive, reasonNotToBuild } from '../image/image-archive.ts';
import { AwsStack, reasonNotToApply, type StateResource } from '../support/aws-stack.ts';
import { BootMachine, bootScriptOf } from '../support/boot-machine.ts';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { freePort } from '../support/free-port.ts';
import { startMetadataService } from '../support/metadata-service.ts';
import { MOTO_AS_S3, type Moto, startMoto } from '../support/moto.ts';
import { callMoto, createHostedZone, readSecret, readUserData } from '../support/moto-api.ts';
import { PodmanContainer } from '../support/podman-container.ts';
import { describeUnless, describeWith } from '../support/requirements.ts';
import { runCommand } from '../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts';

const HOST = 'registry.example.com';
const REGISTRY_USER = 1000;

/** One of the images that moto knows; Debian's are not among them. */
const MACHINE_IMAGE = 'ami-12c6146b';

/** moto takes any; tests/constructs/aws/boot-part.test.ts holds that requests are signed with them. */
const CREDENTIALS = { AccessKeyId: 'ASIATEST', SecretAccessKey: 'secret', Token: 'token' };

/** Terraform takes half a minute for a plan and more than one for an apply on a small machine. */
const MINUTES = 60_000;

describeUnless(reasonNotToApply() ?? reasonNotToBuild(), 'the AWS stack, applied to a mock of AWS', () => {
  let directory: TemporaryDirectory;
  let moto: Moto;
  let stack: AwsStack;
  let archive: string;
  let certificate: SelfSignedFiles;
  let settings: Record<string, unknown>;
  let internalPort: number;

  const inDirectory = (name: string) => path.join(directory.path, name);
  const synth = (changes: Record<string, unknown> = {}) => {
    writeFileSync(inDirectory('aws.yml'), stringify({ ...settings, ...changes }));
    return stack.synth(inDirectory('aws.yml'));
  };
  /** What was made, read once: Terraform takes seconds to show it. */
  let made: readonly StateResource[] = [];
  const resourceOf = (type: string, name = 'registry') => {
    const found = made.find((resource) => resource.type === type && resource.address.includes(name));
    if (found === undefined) throw new Error(`the state has no ${type} with ${name} in its address`);
    return found.values as Record<string, string>;
  };
  const userData = () => readUserData(moto.endpoint, resourceOf('aws_instance')['id'] as string);

  beforeAll(async () => {
    directory = temporaryDirectory('aws-stack');
    moto = await startMoto({ env: MOTO_AS_S3 });
    archive = (await buildImageArchive(inDirectory('image.tar'))).archive;
    certificate = await keepSelfSigned(inDirectory('certificate'), [HOST]);
    internalPort = await freePort();
    settings = {
      region: 'eu-central-1',
      image: archive,
      endpoint: { mode: 'own-domain', domain: HOST },
      hostedZoneId: await createHostedZone(moto.endpoint, 'example.com'),
      certificate: { mode: 'files', certificateFile: certificate.certificate, privateKeyFile: certificate.key },
      internalPort,
      machineImageId: MACHINE_IMAGE,
      storage: { kind: 'bucket', prefix: 'team/registry' },
      garbageCollection: { schedule: '5 4 * * 0' },
      notifications: [{ name: 'ci', url: 'https://ci.example.com:8443/$' + '{event}', timeout: '2s', backoff: '10s' }],
      anonymousPull: ['public/**'],
    };
    stack = new AwsStack(directory.path, moto.endpoint);
    expect(await synth()).toMatchObject({ exitCode: 0, stderr: '' });
    await stack.terraform('init', '-no-color');
  }, 5 * MINUTES);

  afterAll(async () => {
    await moto?.stop();
    directory?.remove();
  });

  test(
    'is valid Terraform',
    async () => {
      const { stdout } = await stack.tryTerraform('validate', '-json');
      expect(JSON.parse(stdout)).toMatchObject({ valid: true, diagnostics: [] });
    },
    2 * MINUTES,
  );

  test(
    'applies, and has nothing to change in a second plan',
    async () => {
      await stack.terraform('apply', '-auto-approve', '-no-color');
      made = await stack.resources();
      const plan = await stack.tryTerraform('plan', '-no-color', '-detailed-exitcode');
      expect({ exitCode: plan.exitCode, output: plan.exitCode === 0 ? '' : plan.stdout + plan.stderr }).toEqual({
        exitCode: 0,
        output: '',
      });
    },
    8 * MINUTES,
  );

  test('keeps the private key out of the state and out of the user data', async () => {
    const [, secret = ''] = readFileSync(certificate.key, 'utf8').split('\n');
    expect(secret.length).toBeGreaterThan(40);
    expect(await stack.state()).not.toContain(secret);
    expect(await userData()).not.toContain(secret);
    const { arn } = resourceOf('aws_secretsmanager_secret', 'certificate');
    expect(await readSecret(moto.endpoint, arn as string)).toContain(readFileSync(certificate.key, 'utf8').trim());
  });

  test('points the name at the address of the machine', async () => {
    const { public_ip } = resourceOf('aws_eip');
    expect(resourceOf('aws_route53_record')).toMatchObject({
      name: HOST,
      type: 'A',
      records: [public_ip],
    });
  });

  test('prints what to type next', async () => {
    const outputs = await stack.outputs();
    expect(outputs).toMatchObject({ url: `https://${HOST}`, login: `docker login --username admin ${HOST}` });
    expect(outputs['initial-access']).toMatch(
      /^aws secretsmanager get-secret-value --region eu-central-1 --secret-id arn:/,
    );
  });

  describeWith(['cloud-init', 'shellcheck'], 'the user data', () => {
    test('is a cloud-config under 16 KiB that cloud-init accepts', async () => {
      const text = await userData();
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(16_384);
      writeFileSync(inDirectory('user-data.yml'), text);
      await runCommand('cloud-init', ['schema', '--config-file', inDirectory('user-data.yml')]);
    });

    test('carries a script in which shellcheck finds nothing', async () => {
      writeFileSync(inDirectory('boot.sh'), bootScriptOf(await userData()));
      await runCommand('bash', ['-n', inDirectory('boot.sh')]);
      await runCommand('shellcheck', [inDirectory('boot.sh')]);
    });
  });

  describeWith(['podman', 'runc', 'skopeo', 'curl'], 'a machine with this user data', () => {
    let machine: BootMachine;

    beforeAll(async () => {
      const metadata = await startMetadataService('registry-role', CREDENTIALS);
      try {
        machine = new BootMachine({
          script: bootScriptOf(await userData()),
          root: inDirectory('machine'),
          services: {
            'http://169.254.169.254': metadata.url,
            'https://s3.$BUCKET_REGION.amazonaws.com': moto.endpoint,
            'https://secretsmanager.$REGION.amazonaws.com': moto.endpoint,
          },
        });
        const steps = 'fetch_image "$DATA/../image.tar"; write_config; write_certificate';
        expect(await machine.run(steps)).toMatchObject({ exitCode: 0, stderr: '' });
      } finally {
        metadata.close();
      }
    }, MINUTES);

    test('fetches the image that was deployed', async () => {
      const [, sha256] = /IMAGE_SHA256=([0-9a-f]{64})/.exec(bootScriptOf(await userData())) ?? [];
      expect(
        createHash('sha256')
          .update(readFileSync(machine.file('var/lib/image.tar')))
          .digest('hex'),
      ).toBe(sha256);
    });

    test('has a configuration that the server accepts, word for word as it was set', async () => {
      const { config } = await loadConfig(machine.file('etc/registry/config.yml'), {});
      expect(config.notifications.endpoints[0]).toMatchObject({
        url: 'https://ci.example.com:8443/$' + '{event}',
        timeout: 2000,
      });
      expect(config.garbagecollection).toMatchObject({ schedule: '5 4 * * 0', timezone: 'UTC' });
      expect(config.storage.s3).toMatchObject({ region: 'eu-central-1', rootdirectory: 'team/registry' });
    });

    test(
      'serves the registry with exactly that configuration: push, pull, and objects in the bucket',
      async () => {
        const data = machine.file('var/lib/registry');
        chownSync(data, REGISTRY_USER, REGISTRY_USER);
        const container = await PodmanContainer.start({
          archive: machine.file('var/lib/image.tar'),
          volumes: [`${data}:/var/lib/registry`, `${machine.file('etc/registry')}:/etc/registry:ro`],
          env: { AWS_ENDPOINT_URL_S3: moto.endpoint, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
          isReady: () => isReady(internalPort, readFileSync(certificate.authority, 'utf8')),
        });
        const proxy = await startConnectProxy(`${HOST}:443`, internalPort);
        try {
          const credentials = `admin:${machine.read('var/lib/registry/auth/initial-password').trim()}`;
          mkdirSync(inDirectory('trusted'));
          writeFileSync(inDirectory('trusted/ca.crt'), readFileSync(certificate.authority));
          const env = { HTTPS_PROXY: proxy.url, HOME: directory.path };
          const repository = `docker://${HOST}/tools/registry:1`;
          const source = `oci-archive:${archive}`;
          await runCommand(
            'skopeo',
            ['copy', '--dest-cert-dir', inDirectory('trusted'), '--dest-creds', credentials, source, repository],
            { env },
          );
          await runCommand(
            'skopeo',
            [
              'copy',
              '--src-cert-dir',
              inDirectory('trusted'),
              '--src-creds',
              credentials,
              repository,
              `oci:${inDirectory('pulled')}:1`,
            ],
            { env },
          );
          const digestOf = async (image: string) =>
            JSON.parse((await runCommand('skopeo', ['inspect', image])).stdout).Digest;
          expect(await digestOf(`oci:${inDirectory('pulled')}:1`)).toBe(await digestOf(source));
        } finally {
          proxy.close();
          await container.remove();
        }
        const { bucket } = resourceOf('aws_s3_bucket');
        const listing = await callMoto(moto.endpoint, {
          service: 's3',
          path: `/${bucket}?list-type=2&prefix=team/registry/`,
        });
        expect(await listing.text()).toContain(
          'team/registry/docker/registry/v2/repositories/tools/registry/_manifests/tags/1/current/link',
        );
      },
      3 * MINUTES,
    );
  });

  test(
    'refuses to destroy the bucket and the volume by default',
    async () => {
      const plan = await stack.tryTerraform('plan', '-destroy', '-no-color');
      expect(plan.exitCode).not.toBe(0);
      expect(plan.stderr).toContain('Instance cannot be destroyed');
    },
    2 * MINUTES,
  );

  test(
    'is destroyed, images and all, once both props say so',
    async () => {
      expect(await synth({ dataRemoval: 'destroy', confirmDataLoss: true })).toMatchObject({ exitCode: 0 });
      await stack.terraform('apply', '-auto-approve', '-no-color');
      await stack.terraform('destroy', '-auto-approve', '-no-color');
      expect(await stack.resources()).toEqual([]);
    },
    10 * MINUTES,
  );
});

/** Asks the server as a client of its name would, past DNS. */
async function isReady(port: number, ca: string): Promise<boolean> {
  const asked = get({ host: '127.0.0.1', port, path: '/readyz', servername: HOST, ca, agent: false });
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode === 200;
}
