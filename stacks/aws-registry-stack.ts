import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { TlsProvider } from '@cdktf/provider-tls/lib/provider/index.js';
import { S3Backend, TerraformOutput, TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { SelfSignedCertificate } from '../constructs/aws/self-signed-certificate.ts';
import {
  Bucket,
  Certificate,
  ContainerRegistry,
  type ICertificate,
  Identity,
  Network,
  RegistryImage,
} from '../constructs/index.ts';
import { endpointHost } from '../constructs/shared/endpoint.ts';
import { type AwsSettings, awsSettingsSchema } from './aws-settings.ts';
import { readSettingsFile } from './settings-file.ts';

/** A registry on one EC2 instance, from a settings file; settings/aws.example.yml documents its options. */
export class AwsRegistryStack extends TerraformStack {
  constructor(scope: Construct, id: string, settingsFile: string) {
    super(scope, id);
    const settings = readSettingsFile(settingsFile, awsSettingsSchema);
    const { region, state, tags, image, certificate, existingBucket, existingIdentity, existingSubnetId, ...props } =
      settings;
    if (state !== undefined) keepStateInBucket(this, state);
    new AwsProvider(this, 'aws', { region, ...(tags !== undefined && { defaultTags: [{ tags }] }) });
    const registry = new ContainerRegistry(this, 'registry', {
      ...props,
      image: RegistryImage.fromArchive(image),
      ...createCertificate(this, settings),
      ...(existingBucket !== undefined && { bucket: Bucket.fromAttributes(existingBucket) }),
      ...(existingIdentity !== undefined && { identity: Identity.fromAttributes(this, 'identity', existingIdentity) }),
      ...(existingSubnetId !== undefined && { network: Network.fromSubnetId(this, 'subnet', existingSubnetId) }),
    });
    printNextSteps(this, registry);
  }
}

function keepStateInBucket(
  stack: TerraformStack,
  { bucketName, region, key }: NonNullable<AwsSettings['state']>,
): void {
  new S3Backend(stack, { bucket: bucketName, region, key, encrypt: true });
  // Terraform 1.10 locks in the bucket itself; cdktf has no prop for it.
  stack.addOverride('terraform.backend.s3.use_lockfile', true);
}

/** Nothing for `generated`: the server makes its own certificate. */
function createCertificate(scope: Construct, { certificate, endpoint }: AwsSettings): { certificate?: ICertificate } {
  switch (certificate.mode) {
    case 'files':
      return { certificate: new Certificate(scope, 'certificate', certificate) };
    case 'secret':
      return { certificate: Certificate.fromSecret(certificate) };
    case 'self-signed': {
      new TlsProvider(scope, 'tls');
      const { mode: _, ...options } = certificate;
      return {
        certificate: new SelfSignedCertificate(scope, 'certificate', { host: endpointHost(endpoint), ...options }),
      };
    }
    case 'generated':
      return {};
  }
}

function printNextSteps(scope: Construct, registry: ContainerRegistry): void {
  const { usage, virtualMachine, caCertificate, initialAccessCommand } = registry;
  const lines = {
    ...usage,
    'initial-access': initialAccessCommand,
    ...(virtualMachine !== undefined && { address: virtualMachine.publicIp }),
    ...(caCertificate !== undefined && { 'ca-certificate': caCertificate }),
  };
  for (const [name, value] of Object.entries(lines)) {
    new TerraformOutput(scope, name, { value, staticId: true });
  }
}
