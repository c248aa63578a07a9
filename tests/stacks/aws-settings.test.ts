import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Testing } from 'cdktf';
import { stringify } from 'yaml';
import { AwsRegistryStack } from '../../stacks/aws-registry-stack.ts';
import { awsSettingsSchema, findAwsSettings } from '../../stacks/aws-settings.ts';
import { readSettingsFile } from '../../stacks/settings-file.ts';
import { REPOSITORY } from '../support/repository.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts';

const EXAMPLE = path.join(REPOSITORY, 'settings/aws.example.yml');

let directory: TemporaryDirectory;
const inDirectory = (name: string) => path.join(directory.path, name);

beforeAll(() => {
  directory = temporaryDirectory('aws-settings');
  writeFileSync(inDirectory('image.tar'), 'layers');
});
afterAll(() => directory.remove());

/** Settings that are enough, with changes. */
function settingsFile(changes: Record<string, unknown> = {}): string {
  const minimal = {
    region: 'eu-central-1',
    image: inDirectory('image.tar'),
    endpoint: { mode: 'own-domain', domain: 'registry.example.com' },
    certificate: { mode: 'generated' },
  };
  writeFileSync(inDirectory('aws.yml'), stringify({ ...minimal, ...changes }));
  return inDirectory('aws.yml');
}

function synth(changes: Record<string, unknown> = {}) {
  return JSON.parse(Testing.synth(new AwsRegistryStack(Testing.app(), 'aws', settingsFile(changes)), true));
}

function fault(changes: Record<string, unknown>): string {
  try {
    synth(changes);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no fault';
}

describe('the settings of the AWS stack', () => {
  test('the example is a settings file, as it stands', () => {
    expect(readSettingsFile(EXAMPLE, awsSettingsSchema)).toMatchObject({
      region: 'eu-central-1',
      image: 'dist/registry-image.oci.tar',
    });
  });

  test('every option of the example is one, once its # is removed', () => {
    // The alternatives to the three required options are left as comments: an option can be set once.
    const [head = '', ...rest] = readFileSync(EXAMPLE, 'utf8').split(/^(?=# The image archive)/m);
    const options = rest.join('').replaceAll(/^# (?=[a-zA-Z]+:| {2})/gm, '');
    writeFileSync(inDirectory('all.yml'), head + options);
    const settings = readSettingsFile(inDirectory('all.yml'), awsSettingsSchema);
    expect(settings).toMatchObject({
      storage: { kind: 'bucket', partSizeMiB: 10 },
      notifications: [{ name: 'build-server', backoff: '1s' }],
      existingSubnetId: 'subnet-0123456789abcdef0',
    });
  });

  test('are found where REGISTRY_AWS_SETTINGS says', () => {
    expect(findAwsSettings({ REGISTRY_AWS_SETTINGS: 'elsewhere.yml' })).toBe('elsewhere.yml');
  });

  test.each([
    ['generated', {}, undefined],
    ['self-signed', { certificate: { mode: 'self-signed' } }, 'tls_locally_signed_cert'],
    [
      'secret',
      {
        certificate: { mode: 'secret', secretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:r-AbCdEf' },
      },
      undefined,
    ],
  ])('a certificate of mode %s', (_, changes, resource) => {
    const stack = synth(changes);
    expect(Object.keys(stack.resource).filter((type) => type === 'tls_locally_signed_cert')).toEqual(
      resource === undefined ? [] : [resource],
    );
  });

  test('the tls provider is needed by a self-signed certificate alone', () => {
    expect(Object.keys(synth().provider)).toEqual(['aws']);
    expect(Object.keys(synth({ certificate: { mode: 'self-signed' } }).provider)).toEqual(['aws', 'tls']);
  });

  test('the state is in a bucket by option, locked and encrypted', () => {
    expect(synth().terraform.backend?.s3).toBeUndefined();
    expect(synth({ state: { bucketName: 'states', region: 'eu-central-1' } }).terraform.backend).toEqual({
      s3: {
        bucket: 'states',
        region: 'eu-central-1',
        key: 'container-registry.tfstate',
        encrypt: true,
        use_lockfile: true,
      },
    });
  });

  test('tags are put on everything', () => {
    expect(synth({ tags: { team: 'platform' } }).provider.aws).toMatchObject([
      { default_tags: [{ tags: { team: 'platform' } }] },
    ]);
  });

  test('bucket, subnet and identity that exist are taken', () => {
    const stack = synth({
      existingBucket: { bucketName: 'given-bucket', region: 'eu-west-1' },
      existingSubnetId: 'subnet-1',
      existingIdentity: { instanceProfileName: 'given-profile', roleName: 'given-role' },
    });
    for (const type of ['aws_s3_bucket', 'aws_vpc', 'aws_iam_role']) expect(stack.resource).not.toHaveProperty(type);
  });

  test('outputs are what a person needs next', () => {
    expect(Object.keys(synth().output)).toEqual(['address', 'initial-access', 'login', 'pull', 'push', 'url']);
  });
});

describe('wrong settings of the AWS stack', () => {
  test('an unknown option, with the nearest that is known', () => {
    expect(fault({ garbageColection: { schedule: '5 4 * * 0' } })).toContain(
      'garbageColection: is not an option; did you mean garbageCollection?',
    );
    expect(fault({ notifications: [{ name: 'a', url: 'https://a.example.com', timeot: '1s' }] })).toContain(
      'notifications.0.timeot: is not an option; did you mean timeout?',
    );
    expect(fault({ endpoint: { mode: 'own-domain', domain: 'a.example.com', prot: 5050 } })).toContain(
      'endpoint.prot: is not an option; ',
    );
  });

  test('every fault of the file in one report', () => {
    const message = fault({ deletes: 'perhaps', logLevel: 'loud', instanceTyp: 't3.small' });
    expect(message).toMatch(/aws\.yml has 3 faults:/);
    expect(message).toContain('deletes: must be true or false (received "perhaps")');
    expect(message).toContain('logLevel: must be one of error, warn, info, debug (received "loud")');
    expect(message).toContain('instanceTyp: is not an option; did you mean instanceType?');
  });

  test('a file that is no YAML, and one that is not there', () => {
    writeFileSync(inDirectory('broken.yml'), 'region: [');
    expect(() => readSettingsFile(inDirectory('broken.yml'), awsSettingsSchema)).toThrow(/broken\.yml has a fault:\n/);
    expect(() => readSettingsFile(inDirectory('absent.yml'), awsSettingsSchema)).toThrow(
      /cannot be read \(ENOENT\); copy the example/,
    );
  });

  test('an image that has not been built', () => {
    expect(fault({ image: inDirectory('absent.tar') })).toMatch(
      /absent\.tar cannot be read \(ENOENT\); run npm run image/,
    );
  });

  test('values are refused by the construct, which says where it is', () => {
    expect(fault({ garbageCollection: { schedule: '0 5 4 * * 0' } })).toContain(
      'aws/registry has a fault in its props:\n  garbageCollection.schedule = ',
    );
    expect(fault({ uploadPurging: { age: 168 } })).toContain('uploadPurging.age = 168: is a bare number');
  });
});
