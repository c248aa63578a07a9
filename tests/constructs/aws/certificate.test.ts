import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { TlsProvider } from '@cdktf/provider-tls/lib/provider/index.js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SelfSignedCertificate } from '../../../constructs/aws/self-signed-certificate.ts';
import { Certificate, ContainerRegistry } from '../../../constructs/index.ts';
import { makeCertificate } from '../../../registry-image/src/keys/make-certificate.ts';
import { bootScriptOf } from '../../support/boot-machine.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';
import { faultOf, minimalProps, only, synth } from './support.ts';

const SECRET_ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf';

let directory: TemporaryDirectory;
beforeAll(() => {
  directory = temporaryDirectory('certificate');
});
afterAll(() => directory.remove());

/** A certificate for these hosts, signed by itself, with its key, as PEM files. */
async function pemFiles(name: string, options: { hosts?: readonly string[]; days?: number } = {}) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { hosts = ['registry.example.com'], days = 90 } = options;
  const certificate = await makeCertificate({ commonName: 'test', privateKey, days, purpose: 'server', hosts });
  const certificateFile = path.join(directory.path, `${name}.crt`);
  const privateKeyFile = path.join(directory.path, `${name}.key`);
  writeFileSync(certificateFile, certificate.toString());
  writeFileSync(privateKeyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return { certificateFile, privateKeyFile };
}

function registryWith(files: { certificateFile: string; privateKeyFile: string }, host = 'registry.example.com') {
  return synth((stack) => {
    const certificate = new Certificate(stack, 'certificate', files);
    new ContainerRegistry(stack, 'registry', {
      ...minimalProps(),
      endpoint: { mode: 'own-domain', domain: host },
      certificate,
    });
  });
}

describe('a certificate from PEM files', () => {
  test('goes into a secret that the machine may read, and Terraform reads the key from its file', async () => {
    const files = await pemFiles('good');
    const stack = registryWith(files);
    expect(only(stack, 'aws_secretsmanager_secret_version')).toMatchObject({
      secret_string_wo: expect.stringContaining(`file("${files.privateKeyFile}")`),
      secret_string_wo_version: expect.any(Number),
    });
    expect(JSON.stringify(stack)).not.toContain('PRIVATE KEY-----');
    const policies = Object.values(stack.resource['aws_iam_role_policy'] ?? {});
    expect(policies).toContainEqual(expect.objectContaining({ name: 'certificate' }));
  });

  test('is used by the server, from files that only the server can read', async () => {
    const script = bootScriptOf(only(registryWith(await pemFiles('used')), 'aws_instance')['user_data'] as string);
    expect(script).toContain('certificate: /etc/registry/tls/tls.crt');
    expect(script).toContain('write_file "$KEY_FILE" 0600 "$OWNER"');
  });

  test('a renewed certificate makes a new version of the secret', async () => {
    const version = async (name: string) =>
      only(registryWith(await pemFiles(name)), 'aws_secretsmanager_secret_version')['secret_string_wo_version'];
    expect(await version('before')).not.toBe(await version('after'));
  });

  test('with a wildcard covers one label', async () => {
    const files = await pemFiles('wildcard', { hosts: ['*.example.com'] });
    expect(faultOf(() => registryWith(files))).toBe('no fault');
    const fault = faultOf(() => registryWith(files, 'registry.gitlab.example.com'));
    expect(fault).toContain('stack/registry has a fault in its props');
    expect(fault).toContain('does not cover registry.gitlab.example.com; its names are DNS:*.example.com');
  });

  test('fails when it has expired or soon will', async () => {
    const files = await pemFiles('short', { days: 3 });
    expect(faultOf(() => registryWith(files))).toMatch(/stack\/certificate has a fault.*expires on .*so renew it/s);
  });

  test('fails when the key belongs to another certificate', async () => {
    const { certificateFile } = await pemFiles('one');
    const { privateKeyFile } = await pemFiles('other');
    expect(faultOf(() => registryWith({ certificateFile, privateKeyFile }))).toContain(
      `privateKeyFile = "${privateKeyFile}": is not the key of ${certificateFile}`,
    );
  });

  test('fails when the chain is in disorder', async () => {
    const files = await pemFiles('leaf');
    const { certificateFile: stranger } = await pemFiles('stranger');
    writeFileSync(files.certificateFile, readFileSync(files.certificateFile, 'utf8') + readFileSync(stranger, 'utf8'));
    expect(faultOf(() => registryWith(files))).toContain('certificate 2 in it has not issued certificate 1');
  });

  test('fails with every fault when files are missing or hold something else', () => {
    const certificateFile = path.join(directory.path, 'text.crt');
    writeFileSync(certificateFile, 'not a certificate');
    const fault = faultOf(() => registryWith({ certificateFile, privateKeyFile: '/nonexistent.key' }));
    expect(fault).toContain('stack/certificate has 2 faults in its props');
    expect(fault).toContain('holds no certificate');
    expect(fault).toContain('privateKeyFile = "/nonexistent.key": cannot be read (ENOENT)');
  });
});

describe('a certificate in a secret', () => {
  const registry = (secretArn: string, kmsKeyArn?: string) =>
    synth((stack) => {
      const certificate = Certificate.fromSecret({ secretArn, ...(kmsKeyArn !== undefined && { kmsKeyArn }) });
      new ContainerRegistry(stack, 'registry', { ...minimalProps(), certificate });
    });

  test('is fetched by the machine, which may read it and its key', () => {
    const stack = registry(SECRET_ARN, 'arn:aws:kms:eu-central-1:123456789012:key/1');
    expect(only(stack, 'aws_instance')['user_data']).toContain(`CERTIFICATE_SECRET='${SECRET_ARN}'`);
    const policies = Object.values(stack.resource['aws_iam_role_policy'] ?? {});
    const policy = policies.find(({ name }) => name === 'certificate') as { policy: string };
    expect(JSON.parse(policy.policy).Statement).toMatchObject([
      { Action: ['secretsmanager:GetSecretValue'], Resource: [SECRET_ARN] },
      { Action: ['kms:Decrypt'], Resource: ['arn:aws:kms:eu-central-1:123456789012:key/1'] },
    ]);
  });

  test('fails when it is no ARN', () => {
    expect(faultOf(() => registry('registry-certificate'))).toContain(
      'certificate.secretArn = "registry-certificate": must be the ARN of a secret',
    );
  });
});

describe('a self-signed certificate', () => {
  const registry = (host: string) =>
    synth((stack) => {
      new TlsProvider(stack, 'tls');
      const certificate = new SelfSignedCertificate(stack, 'certificate', { host });
      new ContainerRegistry(stack, 'registry', { ...minimalProps(), certificate });
    });

  test('is issued by a CA of its own, for the host', () => {
    const stack = registry('registry.example.com');
    expect(only(stack, 'tls_self_signed_cert')).toMatchObject({ is_ca_certificate: true });
    expect(only(stack, 'tls_cert_request')).toMatchObject({ dns_names: ['registry.example.com'] });
    expect(only(stack, 'tls_locally_signed_cert')).toMatchObject({
      allowed_uses: ['digital_signature', 'server_auth'],
      validity_period_hours: 365 * 24,
    });
  });

  test('fails for another host', () => {
    expect(faultOf(() => registry('other.example.com'))).toContain(
      'certificate.host = "other.example.com": does not cover registry.example.com',
    );
  });
});
