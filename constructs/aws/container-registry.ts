import { DataAwsRegion } from '@cdktf/provider-aws/lib/data-aws-region/index.js';
import { S3Object } from '@cdktf/provider-aws/lib/s3-object/index.js';
import { SecretsmanagerSecret } from '@cdktf/provider-aws/lib/secretsmanager-secret/index.js';
import { AssetType, TerraformAsset } from 'cdktf';
import { Construct } from 'constructs';
import { bootScript } from '../shared/boot-script.ts';
import { endpointHost, endpointPort } from '../shared/endpoint.ts';
import type { RegistryImage } from '../shared/registry-image.ts';
import { renderConfig } from '../shared/render-config.ts';
import { type Usage, usage } from '../shared/usage.ts';
import { cloudConfig } from '../shared/user-data.ts';
import { awsBootPart } from './boot-part.ts';
import { Bucket, type IBucket } from './bucket.ts';
import { checkContainerRegistry, serverSettings, uploadAgeDays } from './container-registry-checks.ts';
import type { ContainerRegistryProps } from './container-registry-props.ts';
import { DataVolume, type IDataVolume } from './data-volume.ts';
import { DnsRecord } from './dns-record.ts';
import { Identity, type IIdentity } from './identity.ts';
import { Network } from './network.ts';
import { DATA_DEVICE_NAME, VirtualMachine } from './virtual-machine.ts';

/** Days that S3 waits longer than the server itself before it removes an upload that nobody finishes. */
const UPLOAD_EXPIRY_MARGIN_DAYS = 1;

/** What the machine connects to besides webhooks: packages of Debian, and AWS. */
const EGRESS_PORTS = [80, 443];

/**
 * A container registry with its own login, on one machine. It is made of a bucket, an identity, a certificate, a DNS record and a
 * virtual machine, each of which can be given instead of being made.
 */
export class ContainerRegistry extends Construct {
  readonly bucket: IBucket;
  readonly identity: IIdentity;
  readonly dataVolume: IDataVolume;
  /** `undefined` while the registry is not enabled. */
  readonly virtualMachine: VirtualMachine | undefined;
  /** What a person types next. */
  readonly usage: Usage;
  /** PEM of the CA that clients must be told about, where Terraform knows it. */
  readonly caCertificate: string | undefined;
  /** A command that prints the first user's name and password as JSON, and the CA if the server has made one. */
  readonly initialAccessCommand: string;

  /** @throws ValidationError with every fault of the props */
  constructor(scope: Construct, id: string, props: ContainerRegistryProps) {
    super(scope, id);
    checkContainerRegistry(this, props);
    this.bucket = props.bucket ?? this.#createBucket(props);
    const { identity, dataVolume, virtualMachine } = props.virtualMachine
      ? { ...pick(props.virtualMachine, ['identity', 'dataVolume']), virtualMachine: props.virtualMachine }
      : this.#createMachine(props);
    this.identity = identity;
    this.dataVolume = dataVolume;
    this.virtualMachine = virtualMachine;
    this.usage = usage(props);
    this.caCertificate = props.certificate?.caCertificate;

    const region = new DataAwsRegion(this, 'region').name;
    const accessSecret = new SecretsmanagerSecret(this, 'initial-access', {
      namePrefix: 'container-registry-initial-access-',
      description: 'Container registry: first user, written by the machine on its first start',
    });
    this.initialAccessCommand = `aws secretsmanager get-secret-value --region ${region} --secret-id ${accessSecret.arn} --query SecretString --output text`;
    this.#grantAccess(props, accessSecret.arn);
    if (virtualMachine !== undefined) this.#start(virtualMachine, props, region, accessSecret.arn);
  }

  #createBucket(props: ContainerRegistryProps): IBucket {
    return new Bucket(this, 'bucket', {
      ...pick(props, ['bucketName', 'noncurrentVersionDays', 'kmsKeyArn', 'dataRemoval', 'confirmDataLoss']),
      ...(props.storage?.kind === 'bucket' && pick(props.storage, ['prefix'])),
      uploadExpiryDays: uploadAgeDays(props) + UPLOAD_EXPIRY_MARGIN_DAYS,
    });
  }

  /** Without a machine, volume and network stay: the volume is in a zone of the network. */
  #createMachine(props: ContainerRegistryProps) {
    const network = props.network ?? new Network(this, 'network');
    const identity = props.identity ?? new Identity(this, 'identity');
    const dataVolume =
      props.dataVolume ??
      new DataVolume(this, 'data-volume', {
        ...pick(props, ['kmsKeyArn', 'dataRemoval', 'confirmDataLoss']),
        availabilityZone: network.availabilityZone,
        ...(props.dataVolumeSizeGiB !== undefined && { sizeGiB: props.dataVolumeSizeGiB }),
      });
    const webhookPorts = (props.notifications ?? []).map(({ url }) => portOf(url));
    const virtualMachine =
      props.enabled === false
        ? undefined
        : new VirtualMachine(this, 'virtual-machine', {
            egressPorts: [...EGRESS_PORTS, ...webhookPorts],
            ...pick(props, ['instanceType', 'machineImageId', 'rootDiskSizeGiB', 'detailedMonitoring', 'egressPorts']),
            network,
            identity,
            dataVolume,
          });
    return { identity, dataVolume, virtualMachine };
  }

  #grantAccess({ storage, certificate, image }: ContainerRegistryProps, accessSecretArn: string): void {
    this.bucket.grantRead(this.identity, imageKey(image));
    if (storage?.kind !== 'volume') this.bucket.grantReadWrite(this.identity, storage?.prefix ?? '');
    certificate?.grantRead(this.identity);
    this.identity.allow('initial-access', [
      { sid: 'InitialAccess', actions: ['secretsmanager:PutSecretValue'], resources: [accessSecretArn] },
    ]);
  }

  #start(machine: VirtualMachine, props: ContainerRegistryProps, region: string, accessSecretId: string): void {
    const archive = this.#uploadImage(props.image);
    const settings = serverSettings(props, this.bucket);
    const script = bootScript({
      settings,
      config: renderConfig(settings),
      image: props.image,
      cloud: awsBootPart({
        region,
        bucketName: this.bucket.bucketName,
        bucketRegion: this.bucket.region,
        imageKey: archive.key,
        dataVolumeId: this.dataVolume.volumeId,
        dataDeviceName: DATA_DEVICE_NAME,
        accessSecretId,
        ...(props.certificate !== undefined && { certificateSecretId: props.certificate.secretId }),
      }),
    });
    machine.boot(cloudConfig(script));
    for (const cidr of props.allowedCidrs ?? ['0.0.0.0/0']) machine.addIngress(endpointPort(props.endpoint), cidr);
    this.#dnsRecord(props)?.pointTo(machine.publicIp);
  }

  /** The key has the hash of the bytes in it, so the machine's user data says exactly which image it runs. */
  #uploadImage(image: RegistryImage): S3Object {
    const asset = new TerraformAsset(this, 'image', { path: image.archive, type: AssetType.FILE });
    return new S3Object(this, 'image-archive', {
      bucket: this.bucket.bucketName,
      key: imageKey(image),
      source: asset.path,
      sourceHash: image.sha256,
      contentType: 'application/x-tar',
    });
  }

  #dnsRecord({ dnsRecord, hostedZoneId, endpoint }: ContainerRegistryProps): DnsRecord | undefined {
    if (dnsRecord !== undefined || hostedZoneId === undefined) return dnsRecord;
    return new DnsRecord(this, 'dns-record', { hostedZoneId, name: endpointHost(endpoint) });
  }
}

function imageKey(image: RegistryImage): string {
  return `images/${image.sha256}.tar`;
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port);
}

/** The named props, without those that are not set. */
function pick<T, K extends keyof T>(object: T, keys: readonly K[]): Pick<T, K> {
  const set = keys.filter((key) => object[key] !== undefined);
  return Object.fromEntries(set.map((key) => [key, object[key]])) as Pick<T, K>;
}
